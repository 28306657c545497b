import { CompanionError, Timestamp } from "@claude-companion/protocol";
import { z } from "zod";
import type { AgentUsages } from "../../agents/index.ts";
import type { Auth, Principal } from "../../auth/index.ts";
import { isoTime } from "../../clock.ts";
import { logLevels, type Series, type Telemetry } from "../../telemetry/index.ts";
import { authenticate } from "../access.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const Count = z.number();
const Times = z.object({ p50: z.number(), p95: z.number(), p99: z.number() });
const Snapshot = z.object({
  timestamp: Timestamp,
  since: Timestamp.meta({ description: "Since when is counted: the start, or the last reset." }),
  websocket: z.object({
    activeConnections: Count,
    totalMessages: z.object({ sent: Count, received: Count, failed: Count }),
    reconnections: Count,
  }),
  sessions: z.object({
    created: Count,
    resumed: Count,
    expired: Count,
    active: Count,
    duplicatesPrevented: Count,
  }),
  messages: z.object({
    queued: Count.meta({ description: "Events that were stored for whoever wants them." }),
    delivered: Count.meta({ description: "Events that were handed to devices' sockets." }),
    expired: Count.meta({ description: "Events that left the log by age or size." }),
    filtered: Count.meta({ description: "Empty pieces of text that were dropped." }),
  }),
  performance: z
    .object({
      avgMessageProcessingTime: z.number(),
      avgQueueDeliveryTime: z.number(),
      messageProcessingTime: Times,
      queueDeliveryTime: Times,
    })
    .meta({ description: "Milliseconds." }),
});
const ConnectionState = z.object({
  clientId: z.string(),
  deviceId: z.string(),
  connectedAt: Timestamp,
  sent: z.object({ frames: Count, bytes: Count, events: Count }),
  received: z.object({ frames: Count, bytes: Count, failed: Count }),
  bufferedBytes: Count,
  unacknowledgedBytes: Count,
  stalledMs: z.number().meta({ description: "How long there was something that it did not take." }),
  silentMs: z.number().meta({ description: "How long nothing was heard of it." }),
  sessions: z.array(z.string()).meta({ description: "What it follows." }),
});
const kinds = z.enum(["counter", "gauge", "histogram"]);
const Point = z.object({
  at: Timestamp,
  value: z.number().meta({ description: "Counter: growth in the step. Gauge and histogram: mean." }),
  max: z.number().optional(),
  count: z.number().optional(),
  p50: z.number().optional(),
  p95: z.number().optional(),
  p99: z.number().optional(),
});

/** One connection, as it shows itself to the one who owns it. */
export type ConnectionReading = z.infer<typeof ConnectionState>;

/** How the system is: for dashboards, for Prometheus, for people who search. */
export function addTelemetryRoutes(
  app: HttpServer,
  house: {
    telemetry: Telemetry;
    series: Series;
    agentUsages: Pick<AgentUsages, "current">;
    auth: Auth;
    /** A connection of this user. */
    connection: (user: string, clientId: string) => ConnectionReading | undefined;
  },
): void {
  const { telemetry, series } = house;
  const describe = (operationId: string, summary: string) => ({ operationId, summary, tags: ["telemetry"] });
  function onlyOwner({ tokenId }: Principal): void {
    if (tokenId !== "config")
      throw new CompanionError(
        "FORBIDDEN",
        "Only the owner's token (AUTH_TOKEN, or the one that the server printed) may do this.",
      );
  }

  app.get("/metrics", { schema: { hide: true } }, async (request, reply) => {
    const query = new URL(request.url, "http://localhost").searchParams;
    authenticate(house.auth, { authorization: request.headers.authorization, query, takesTicket: false });
    return reply
      .type("text/plain; version=0.0.4; charset=utf-8")
      .serializer(String)
      .send((await telemetry.prometheus()) as never);
  });
  app.get(
    "/api/telemetry",
    {
      schema: {
        ...describe("telemetry", "How the server is, at a glance."),
        response: { 200: Snapshot, default: Problem },
      },
    },
    () => telemetry.snapshots.take(),
  );
  app.get(
    "/api/telemetry/connection/:clientId",
    {
      schema: {
        ...describe("connectionTelemetry", "One of your connections."),
        params: z.object({ clientId: z.string().min(1).max(200) }),
        response: { 200: ConnectionState, default: Problem },
      },
    },
    async ({ caller, params }) => {
      const found = house.connection(caller.user, params.clientId);
      if (found) return found;
      throw new CompanionError(
        "NOT_FOUND",
        `You have no connection ${params.clientId}. \`welcome\` tells a client its clientId.`,
      );
    },
  );
  app.post(
    "/api/telemetry/reset",
    {
      schema: {
        ...describe("resetTelemetry", "Count from now on. Owner only; Prometheus and history go on."),
        response: { 200: Snapshot, default: Problem },
      },
    },
    async ({ principal }) => {
      onlyOwner(principal);
      await telemetry.snapshots.reset();
      return telemetry.snapshots.take();
    },
  );
  app.get(
    "/api/telemetry/metrics",
    {
      schema: {
        ...describe("listMetrics", "What history knows."),
        response: {
          200: z.object({ metrics: z.array(z.object({ key: z.string(), kind: kinds, unit: z.string() })) }),
          default: Problem,
        },
      },
    },
    async () => ({ metrics: await series.keys() }),
  );
  app.get(
    "/api/telemetry/history",
    {
      schema: {
        ...describe(
          "telemetryHistory",
          "A metric over time: ten seconds for a day, a minute for two weeks, an hour for two years.",
        ),
        querystring: z.object({
          metric: z.string().min(1).max(300),
          from: z.iso.datetime({ offset: true }).optional().meta({ description: "By default an hour before `to`." }),
          to: z.iso.datetime({ offset: true }).optional().meta({ description: "By default now." }),
          step: z.coerce
            .number()
            .int()
            .min(1)
            .max(31_536_000)
            .optional()
            .meta({ description: "Seconds; never finer than is kept." }),
        }),
        response: {
          200: z.object({
            metric: z.string(),
            kind: kinds,
            unit: z.string(),
            step: z.number().meta({ description: "Seconds." }),
            points: z.array(Point),
          }),
          default: Problem,
        },
      },
    },
    async ({ query }) => {
      const to = query.to === undefined ? Date.now() : Date.parse(query.to);
      const from = query.from === undefined ? to - 3_600_000 : Date.parse(query.from);
      const stepMs = query.step === undefined ? undefined : query.step * 1_000;
      const { points, stepMs: step, ...found } = await series.history({ key: query.metric, from, to, stepMs });
      return {
        metric: query.metric,
        ...found,
        step: step / 1_000,
        points: points.map((point) => ({ ...point, at: isoTime(point.at) })),
      };
    },
  );
  app.get(
    "/api/telemetry/errors",
    {
      schema: {
        ...describe("telemetryErrors", "Errors since the start, grouped, the last seen first."),
        response: {
          200: z.object({
            errors: z.array(
              z.object({
                where: z.string(),
                code: z.string(),
                message: z.string(),
                count: Count,
                firstSeen: Timestamp,
                lastSeen: Timestamp,
                correlationId: z.string().optional(),
              }),
            ),
          }),
          default: Problem,
        },
      },
    },
    async () => ({
      errors: telemetry
        .errors()
        .map((group) => ({ ...group, firstSeen: isoTime(group.firstSeen), lastSeen: isoTime(group.lastSeen) })),
    }),
  );
  app.get(
    "/api/telemetry/agents",
    {
      schema: {
        ...describe("agentTelemetry", "What each agent's process takes."),
        response: {
          200: z.object({
            agents: z.array(
              z.object({
                sessionId: z.string(),
                pid: z.int(),
                cpu: z.number().meta({ description: "Share of one core." }),
                memoryBytes: Count,
                uptimeSeconds: z.number(),
              }),
            ),
          }),
          default: Problem,
        },
      },
    },
    async () => ({ agents: house.agentUsages.current.map(({ key, ...usage }) => ({ sessionId: key, ...usage })) }),
  );
  const Level = z.object({ level: z.enum(logLevels) });
  app.get(
    "/api/telemetry/log-level",
    { schema: { ...describe("readLogLevel", "How much is logged."), response: { 200: Level, default: Problem } } },
    async () => ({ level: telemetry.logLevel }),
  );
  app.put(
    "/api/telemetry/log-level",
    {
      schema: {
        ...describe("setLogLevel", "Log more or less, from now until the next start. Owner only."),
        body: Level,
        response: { 200: Level, default: Problem },
      },
    },
    async ({ principal, body }) => {
      onlyOwner(principal);
      telemetry.logLevel = body.level;
      return { level: telemetry.logLevel };
    },
  );
}
