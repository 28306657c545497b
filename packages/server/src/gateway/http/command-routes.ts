import { commands, type ErrorCode, errorCodes, type RequestCommand } from "@claude-companion/protocol";
import { z } from "zod";
import type { Caller, Handlers } from "../../commands/index.ts";
import { uuidOf } from "../../uuid-of.ts";
import { invalidRequest } from "../reply.ts";
import { Problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import type { HttpServer } from "./server.ts";

/** Fields that an `Idempotency-Key` header can stand in for: the same key makes the same id. */
const idFields: { [T in RequestCommand]?: string } = { sendMessage: "messageId", createSession: "sessionId" };

/** What every request can meet. */
const commonErrors = [
  "INVALID_REQUEST",
  "AUTHENTICATION_REQUIRED",
  "FORBIDDEN",
  "RATE_LIMITED",
  "OVERLOADED",
  "INTERNAL",
] as const satisfies readonly ErrorCode[];

/** The same handlers as the WebSocket's, each as a route. */
export function addCommandRoutes(app: HttpServer, handlers: Handlers): void {
  for (const type of Object.keys(handlers) as RequestCommand[]) addRoute(app, type, handlers);
}

function addRoute(app: HttpServer, type: RequestCommand, handlers: Handlers): void {
  const { rest, summary, data, ack, errors, example } = definitionOf(type);
  const { method, path, status = 200 } = rest;
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ""));
  const idField = idFields[type];
  const fields = Object.entries(data.shape);
  const params = z.object(Object.fromEntries(fields.filter(([name]) => inPath.has(name))));
  const others = fields.filter(([name]) => !inPath.has(name));
  const sentFields = z.object(
    Object.fromEntries(others.map(([name, schema]) => [name, name === idField ? z.optional(schema) : schema])),
  );
  const hasOthers = others.length > 0;
  const place = method === "GET" || method === "DELETE" ? "querystring" : "body";
  const shown = Object.fromEntries(Object.entries(example.data).filter(([name]) => !inPath.has(name)));
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
    schema: {
      operationId: type,
      summary,
      tags: [tagOf(path)],
      ...(inPath.size > 0 ? { params } : {}),
      ...(hasOthers ? { [place]: place === "body" ? sentFields.meta({ examples: [shown] }) : sentFields } : {}),
      ...(idField === undefined
        ? {}
        : { headers: z.looseObject({ "idempotency-key": z.string().min(1).max(255).optional() }) }),
      response: {
        // 200 as well: what was there already is not made again.
        200: ack.meta({ examples: [example.ack] }),
        [status]: ack.meta({ examples: [example.ack] }),
        ...problems([...commonErrors, ...(inPath.has("sessionId") ? (["SESSION_NOT_FOUND"] as const) : []), ...errors]),
      },
    },
    ...(place === "querystring" && hasOthers
      ? {
          async preValidation(request) {
            request.query = readQuery(sentFields, request.query as Record<string, unknown>);
          },
        }
      : {}),
    async handler(request, reply) {
      const key = request.headers["idempotency-key"];
      const id =
        idField !== undefined && key !== undefined
          ? { [idField]: uuidOf(`${request.caller.user}\n${type}\n${String(key)}`) }
          : {};
      const sent = place === "body" ? request.body : request.query;
      // The id may have been left out of the body, so the whole is checked once more, as a command.
      const parsed = parseCommand(data, {
        ...id,
        ...(hasOthers ? (sent as object) : {}),
        ...(request.params as object),
      });
      const handler = handlers[type] as (who: Caller, what: unknown) => Promise<Record<string, unknown>>;
      const result = await handler(request.caller, parsed);
      const reused = result.reused === true;
      return reply.code(reused ? 200 : status).send(result);
    },
  });
}

/** A row of the table without what only its own types know. */
function definitionOf(type: RequestCommand) {
  const { rest, summary, data, ack, errors, example } = commands[type];
  return {
    rest,
    summary,
    data: data as z.ZodObject,
    ack: ack as z.ZodObject,
    errors: errors as readonly ErrorCode[],
    example: example as { data: object; ack: object },
  };
}

/** `/api/sessions/…` is told under "sessions". */
const tagOf = (path: string): string => path.split("/")[2] ?? "api";

/** A response for each status, with the codes that come with it. */
function problems(codes: readonly ErrorCode[]): Record<number, z.ZodType> {
  const byStatus = Map.groupBy(new Set(codes), (code) => errorCodes[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, own]) => [
      status,
      Problem.describe(own.map((code) => `\`${code}\`: ${errorCodes[code].meaning}`).join("\n\n")),
    ]),
  );
}

function parseCommand(schema: z.ZodObject, value: object): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidRequest(parsed.error, "The request");
}
