import {
  AgentInfo,
  CompanionError,
  Epoch,
  PermissionRequest,
  Seq,
  SessionId,
  SessionSummary,
} from "@claude-companion/protocol";
import { z } from "zod";
import { summaryFor } from "../../commands/index.ts";
import type { Positions } from "../../delivery/index.ts";
import type { EventLog } from "../../log/index.ts";
import type { Sessions } from "../../sessions/index.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const params = z.object({ sessionId: SessionId });

/** What can be read. */
export function addSessionRoutes(
  app: HttpServer,
  house: { sessions: Sessions; positions: Pick<Positions, "find">; log: Pick<EventLog, "read" | "head"> },
): void {
  const { sessions, positions, log } = house;
  const read = <T extends z.ZodType>(operationId: string, summary: string, result: T) => ({
    operationId,
    summary,
    tags: ["reading"],
    response: { 200: result, default: Problem },
  });
  async function find(user: string, sessionId: string) {
    const summary = await sessions.find(user, sessionId);
    if (summary) return summary;
    throw new CompanionError(
      "SESSION_NOT_FOUND",
      `There is no session ${sessionId}. List yours with GET /api/sessions.`,
    );
  }

  app.get(
    "/api/agents",
    { schema: read("listAgents", "The coding agents of this machine.", z.object({ agents: z.array(AgentInfo) })) },
    async () => ({
      agents: await sessions.agents(),
    }),
  );
  app.get(
    "/api/sessions/:sessionId",
    { schema: { ...read("getSession", "One session.", z.object({ session: SessionSummary })), params } },
    async ({ caller, params: { sessionId } }) => ({
      session: await summaryFor(caller, await find(caller.user, sessionId), positions),
    }),
  );
  app.get(
    "/api/sessions/:sessionId/permissions",
    {
      schema: {
        ...read(
          "listPermissions",
          "What waits for an answer, in full.",
          z.object({ permissions: z.array(PermissionRequest) }),
        ),
        params,
      },
    },
    async ({ caller, params: { sessionId } }) => ({
      permissions: (await find(caller.user, sessionId)).pendingPermissions,
    }),
  );

  const page = z.object({
    epoch: Epoch,
    firstSeq: Seq,
    lastSeq: Seq,
    events: z
      .array(z.unknown())
      .meta({ description: "Stored events after `after`, each as on the WebSocket; an empty page is the end." }),
  });
  app.get(
    "/api/sessions/:sessionId/events",
    {
      schema: {
        ...read("listEvents", "A page of the session's log.", page),
        params,
        querystring: z.object({
          after: z.coerce.number().int().min(0).default(0),
          limit: z.coerce.number().int().min(1).max(1_000).default(200),
        }),
      },
      // The events are JSON text already; they are never parsed again.
      serializerCompiler: () => (text) => String(text),
    },
    async ({ caller, params: { sessionId }, query: { after, limit } }, reply) => {
      await find(caller.user, sessionId);
      const [head, events] = await Promise.all([
        log.head(sessionId),
        log.read(sessionId, after, { events: limit, bytes: 1_000_000 }),
      ]);
      const { epoch, firstSeq, lastSeq } = head ?? { epoch: "none", firstSeq: 1, lastSeq: 0 };
      const frames = events.map((event) => event.frame).join(",");
      const text = `{"epoch":${JSON.stringify(epoch)},"firstSeq":${firstSeq},"lastSeq":${lastSeq},"events":[${frames}]}`;
      return reply.type("application/json; charset=utf-8").send(text as never);
    },
  );
}
