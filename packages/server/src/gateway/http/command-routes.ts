import { commands, type RequestCommand } from "@claude-companion/protocol";
import { z } from "zod";
import type { Caller, Handlers } from "../../commands/index.ts";
import { uuidOf } from "../identity.ts";
import { invalidRequest } from "../reply.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

/** The REST form of each command: what stands in the path is left out of the body. */
const routes: { [T in RequestCommand]: { method: "POST" | "PUT" | "DELETE"; url: string; status: number } } = {
  createSession: { method: "POST", url: "/api/sessions", status: 201 },
  endSession: { method: "DELETE", url: "/api/sessions/:sessionId", status: 200 },
  sendMessage: { method: "POST", url: "/api/sessions/:sessionId/messages", status: 202 },
  interrupt: { method: "POST", url: "/api/sessions/:sessionId/interrupt", status: 200 },
  restartAgent: { method: "POST", url: "/api/sessions/:sessionId/restart-agent", status: 200 },
  respondPermission: { method: "POST", url: "/api/sessions/:sessionId/permissions/:permissionId", status: 200 },
  acknowledge: { method: "POST", url: "/api/sessions/:sessionId/acknowledge", status: 200 },
  setModel: { method: "PUT", url: "/api/sessions/:sessionId/model", status: 200 },
  setPermissionMode: { method: "PUT", url: "/api/sessions/:sessionId/permission-mode", status: 200 },
  sessionBackgrounded: { method: "POST", url: "/api/sessions/:sessionId/backgrounded", status: 200 },
  sessionForegrounded: { method: "POST", url: "/api/sessions/:sessionId/foregrounded", status: 200 },
};

/** Fields that an `Idempotency-Key` header can stand in for: the same key makes the same id. */
const idFields: { [T in RequestCommand]?: string } = { sendMessage: "messageId", createSession: "sessionId" };

/** The same handlers as the WebSocket's, each as a route. */
export function addCommandRoutes(app: HttpServer, handlers: Handlers): void {
  for (const type of Object.keys(routes) as RequestCommand[]) addRoute(app, type, handlers);
}

function addRoute(app: HttpServer, type: RequestCommand, handlers: Handlers): void {
  const { method, url, status } = routes[type];
  const { data, ack, summary }: { data: z.ZodObject; ack: z.ZodObject; summary: string } = commands[type];
  const inPath = new Set([...url.matchAll(/:(\w+)/g)].map((match) => match[1] ?? ""));
  const idField = idFields[type];
  const fields = Object.entries(data.shape);
  const params = z.object(Object.fromEntries(fields.filter(([name]) => inPath.has(name))));
  const inBody = fields.filter(([name]) => !inPath.has(name));
  const body = z.object(
    Object.fromEntries(inBody.map(([name, schema]) => [name, name === idField ? z.optional(schema) : schema])),
  );
  const hasBody = inBody.length > 0;
  app.route({
    method,
    url,
    schema: {
      operationId: type,
      summary,
      tags: ["commands"],
      ...(inPath.size > 0 ? { params } : {}),
      ...(hasBody ? { body } : {}),
      ...(idField === undefined
        ? {}
        : { headers: z.looseObject({ "idempotency-key": z.string().min(1).max(255).optional() }) }),
      // 200 as well: what was there already is not made again.
      response: { 200: ack, [status]: ack, default: Problem },
    },
    async handler(request, reply) {
      const key = request.headers["idempotency-key"];
      const id =
        idField !== undefined && key !== undefined
          ? { [idField]: uuidOf(`${request.caller.user}\n${type}\n${String(key)}`) }
          : {};
      // The id may have been left out of the body, so the whole is checked once more, as a command.
      const parsed = parseCommand(data, {
        ...id,
        ...(hasBody ? (request.body as object) : {}),
        ...(request.params as object),
      });
      const handler = handlers[type] as (who: Caller, what: unknown) => Promise<Record<string, unknown>>;
      const result = await handler(request.caller, parsed);
      const reused = result.reused === true;
      return reply.code(reused ? 200 : status).send(result);
    },
  });
}

function parseCommand(schema: z.ZodObject, value: object): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidRequest(parsed.error, "The request");
}
