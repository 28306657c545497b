import { randomUUID } from "node:crypto";
import { CompanionError } from "@claude-companion/protocol";
import compress from "@fastify/compress";
import cors from "@fastify/cors";
import etag from "@fastify/etag";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import {
  createJsonSchemaTransform,
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { Auth, OriginPolicy, Principal } from "../../auth/index.ts";
import type { Certificate } from "../../certificates/index.ts";
import type { Clock } from "../../clock.ts";
import type { Caller } from "../../commands/index.ts";
import type { Report, RequestReport } from "../../telemetry/index.ts";
import { authenticate, checkOrigin } from "../access.ts";
import { identify } from "../identity.ts";
import { type Bucket, createBucket } from "../limits.ts";
import { companionErrorOf, invalidFields } from "../reply.ts";
import { problemOf } from "./problem.ts";
import { refuseClear } from "./trust.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on every route below /api. */
    caller: Caller;
    principal: Principal;
    report: RequestReport;
  }
  interface FastifyContextConfig {
    /** Its requests bring their own right, and no token of the server's. */
    isOpen?: boolean;
  }
}

const bucketsMax = 10_000;

/** Our HTTP server before its routes: schemas, errors, ids, who asks. */
export async function createHttpServer(options: {
  auth: Auth;
  origins: OriginPolicy;
  report: Report;
  clock: Clock;
  version: string;
  limits: { frameBytesMax: number; commandsPerSecond: number };
  /** With one, nobody may speak to us in the clear over a network. */
  certificate: Pick<Certificate, "authority"> | undefined;
}) {
  const { auth, origins, report, clock, limits } = options;
  const app = fastify({
    logger: false,
    bodyLimit: limits.frameBytesMax,
    // Our own limits on ids that come in: they go into logs and answers.
    genReqId: (request) => {
      const given = request.headers["x-request-id"];
      return typeof given === "string" && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  if (origins.otherOrigins.length > 0) {
    await app.register(cors, {
      origin: [...origins.otherOrigins],
      methods: ["GET", "POST", "PUT", "DELETE"],
      allowedHeaders: [
        "authorization",
        "content-type",
        "idempotency-key",
        "x-request-id",
        "traceparent",
        "if-none-match",
        "x-device-id",
        "x-device-name",
      ],
      exposedHeaders: ["x-request-id", "retry-after", "etag"],
      maxAge: 600,
    });
  }
  // What has not changed is not sent again; before it is compressed, so that each form has the same tag.
  await app.register(etag, { weak: true });
  await app.register(compress, { threshold: 1_024 });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Claude Companion Server",
        version: options.version,
        description: "Follow and steer coding agents. The same commands, schemas and errors as on the WebSocket.",
        license: { name: "MIT", identifier: "MIT" },
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({}),
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", uiConfig: { docExpansion: "list" } });

  /** Requests of one address share a bucket; the oldest is forgotten when there are too many. */
  const buckets = new Map<string, Bucket>();
  function bucketOf(address: string): Bucket {
    const known = buckets.get(address);
    if (known) return known;
    const [oldest] = buckets.keys();
    if (buckets.size >= bucketsMax && oldest !== undefined) buckets.delete(oldest);
    const bucket = createBucket({ perSecond: limits.commandsPerSecond, clock });
    buckets.set(address, bucket);
    return bucket;
  }

  if (options.certificate) refuseClear(app as unknown as FastifyInstance, options.certificate);
  // All that comes of a request belongs to it: what follows runs inside.
  app.addHook("onRequest", (request, _reply, done) => {
    const { traceparent } = request.headers;
    const name = `${request.method} ${request.routeOptions.url ?? "?"}`;
    request.report = report.request({
      transport: "http",
      name,
      traceparent: typeof traceparent === "string" ? traceparent : undefined,
    });
    request.report.run(done);
  });
  // A body comes by the socket's own events, which know nothing of the request.
  app.addHook("preValidation", (request, _reply, done) => request.report.run(done));
  app.addHook("onResponse", async (request, reply) => {
    const { method, routeOptions } = request;
    const code = reply.statusCode >= 500 ? String(reply.statusCode) : undefined;
    request.report.ended({ name: routeOptions.url ?? "?", method, status: reply.statusCode, code });
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    reply.header("x-content-type-options", "nosniff");
    checkOrigin(origins, request.headers);
    if (!request.url.startsWith("/api/")) return;
    // Kept by who asked and nobody between, and asked for again each time.
    reply.header("cache-control", request.method === "GET" ? "private, no-cache" : "no-store");
    const retryAfterSeconds = bucketOf(request.ip).take();
    if (retryAfterSeconds > 0) {
      throw new CompanionError(
        "RATE_LIMITED",
        `More than ${limits.commandsPerSecond} requests a second from this address.`,
        {
          retryAfterSeconds: Math.ceil(retryAfterSeconds),
        },
      );
    }
    if (request.routeOptions.config.isOpen === true) return;
    const query = new URL(request.url, "http://localhost").searchParams;
    const principal = authenticate(auth, { authorization: request.headers.authorization, query, takesTicket: false });
    const { deviceId, name } = identify(principal, request.headers, query);
    request.principal = principal;
    request.caller = { ...principal, deviceId, deviceName: name };
  });

  function answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = translate(thrown);
    report.commandFailed({
      type: `${request.method} ${request.routeOptions.url ?? "?"}`,
      code: error.code,
      requestId: request.id,
      error: thrown,
    });
    if (typeof error.details?.retryAfterSeconds === "number")
      reply.header("retry-after", error.details.retryAfterSeconds);
    if (error.status === 401) reply.header("www-authenticate", "Bearer");
    // A problem is sent as it is: no schema of a route describes it.
    reply
      .code(error.status)
      .type("application/problem+json")
      .serializer(JSON.stringify)
      .send(problemOf(error, request.id, request.report?.correlation.correlationId));
  }
  app.setErrorHandler((error, request, reply) => answer(error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    answer(
      new CompanionError("NOT_FOUND", `There is no ${request.method} ${request.url.split("?")[0]}. See /docs.`),
      request,
      reply,
    ),
  );
  return app;
}

/** The HTTP server with its schemas. */
export type HttpServer = Awaited<ReturnType<typeof createHttpServer>>;

function translate(thrown: unknown): CompanionError {
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const issues = thrown.validation.map((issue) => ({
      path: issue.instancePath.slice(1).replaceAll("/", "."),
      problem: issue.message ?? "",
    }));
    return invalidFields(issues, `The ${thrown.validationContext ?? "request"}`);
  }
  const { code, statusCode, message }: Partial<FastifyError> = thrown instanceof Error ? thrown : {};
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new CompanionError("PAYLOAD_TOO_LARGE", "The body is over FRAME_BYTES_MAX. Send less.");
  // What the framework itself refuses (no JSON, a wrong content type) is the client's to mend.
  if (typeof code === "string" && code.startsWith("FST_ERR_") && (statusCode ?? 500) < 500)
    return new CompanionError("INVALID_REQUEST", message ?? "The request is not valid.");
  if (thrown instanceof SyntaxError)
    return new CompanionError("INVALID_REQUEST", `The body is not JSON: ${thrown.message}`);
  return companionErrorOf(thrown);
}
