import type { PushPlatform, PushReason, Usage } from "@claude-companion/protocol";
import { CompanionError } from "@claude-companion/protocol";
import { messageOf } from "../message-of.ts";
import type { Correlation, Correlations } from "./correlation.ts";
import { traceparentOf } from "./correlation.ts";
import type { ErrorGroups } from "./errors.ts";
import type { Instruments } from "./instruments.ts";
import type { Logger } from "./logger.ts";
import type { Step, Tracing } from "./tracing.ts";
import type { Traffic } from "./traffic.ts";

/** A request or command that is being worked on. */
export interface RequestReport {
  readonly correlation: Correlation;
  /** All that `work` sets off belongs to this request. */
  run<T>(work: () => T): T;
  /** `status` of a response over HTTP; `code` of an error. */
  ended(outcome: { name?: string; method?: string; status?: number | undefined; code?: string | undefined }): void;
}

/**
 * One function per business event, which writes log line, metric and trace together: call sites neither count nor log by
 * hand. What is told inside a request carries its correlation id by itself; what a turn does, that of the message that began it.
 */
export interface Report {
  /** Plain numbers for the hottest paths. */
  readonly traffic: Traffic;
  request(of: { transport: "http" | "websocket"; name: string; traceparent: string | undefined }): RequestReport;
  /** Of the request that is being worked on. */
  correlationId(): string | undefined;
  /** The same, as it is passed on to others. */
  traceparent(): string | undefined;
  sessionCreated(event: { sessionId: string; agent: string; reused: boolean }): void;
  sessionStatus(event: { sessionId: string; status: string; reason: string | undefined }): void;
  sessionExpired(event: { sessionId: string }): void;
  messageAccepted(event: { sessionId: string; messageId: string; repeated: boolean }): void;
  /** The agent works on it: a turn begins. */
  messageHandedOver(event: { sessionId: string; messageId: string; correlationId: string | undefined }): void;
  turnCompleted(event: {
    sessionId: string;
    result: string;
    durationMs: number | undefined;
    costUsd: number | undefined;
    model: string | undefined;
    usage: Usage | undefined;
  }): void;
  permissionRequested(event: { sessionId: string; permissionId: string; toolName: string; kind: string }): void;
  permissionResolved(event: { sessionId: string; permissionId: string; decision: string; waitedMs: number }): void;
  agentStarted(event: {
    sessionId: string;
    agent: string;
    resumed: boolean;
    durationMs: number;
    failure: string | undefined;
  }): void;
  agentDied(event: { sessionId: string; agent: string; reason: string }): void;
  agentSilent(event: { sessionId: string; silentMs: number; answers: boolean }): void;
  scheduleDue(event: {
    scheduleId: string;
    sessionId: string;
    outcome: "sent" | "skipped" | "failed";
    lateMs: number;
  }): void;
  /** `waitedMs`: from what happened to this outcome. */
  notification(event: {
    notificationId: string;
    sessionId: string | undefined;
    platform: PushPlatform;
    reason: PushReason | "test" | "resolved";
    outcome: string;
    waitedMs: number | undefined;
    correlationId: string | undefined;
  }): void;
  /** One attempt at a push provider. */
  providerCalled(event: {
    platform: PushPlatform;
    outcome: string;
    durationMs: number;
    correlationId: string | undefined;
  }): void;
  /** A push provider is left alone for a while, or answers again. */
  providerTrouble(event: { platform: string; provider: string; reason: string; since: number; isOver: boolean }): void;
  emptyDelta(): void;
  /** From an event to its frame being handed to a socket. */
  delivered(event: { waitedMs: number }): void;
  /** From an append to its being durable. */
  committed(event: { waitedMs: number }): void;
  eventsExpired(event: { events: number }): void;
  connectionOpened(event: { clientId: string; deviceId: string; user: string; isReturn: boolean }): void;
  connectionClosed(event: { clientId: string; code: number; reason: string; durationMs: number }): void;
  upgradeRefused(event: { status: number; reason: string; address: string }): void;
  commandFailed(event: { type: string; code: string; requestId: string; error: unknown }): void;
  storageFailed(event: { operation: string; error: unknown }): void;
  /** Another certificate is shown from now on. */
  certificateRenewed(event: { validTo: string }): void;
  /** A certificate could not be renewed; the one there is goes on being shown. */
  certificateFailed(event: { error: unknown }): void;
  /** This server cannot be found on the local network. */
  announcementFailed(event: { error: unknown }): void;
  /** The wall clock jumped: nothing is forgotten for a while. */
  clockJumped(event: { byMs: number }): void;
}

const modelsMax = 50;

export function createReport(parts: {
  logger: Logger;
  instruments: Instruments;
  traffic: Traffic;
  tracing: Tracing;
  correlations: Correlations;
  errors: ErrorGroups;
  now: () => number;
}): Report {
  const { logger, instruments, tracing, correlations, errors } = parts;
  /** The turn of each session, while it runs. */
  const turns = new Map<string, Step>();
  const asked = new Map<string, Step>();
  const models = new Set<string>();

  /** Models are named by agents: a label must not have any number of values. */
  function modelLabel(model: string | undefined): string {
    if (model === undefined) return "unknown";
    if (models.size < modelsMax) models.add(model);
    return models.has(model) ? model : "other";
  }
  const turnOf = (sessionId: string) => {
    const correlationId = turns.get(sessionId)?.correlation.correlationId;
    return correlationId === undefined ? {} : { correlationId };
  };
  function noteError(where: string, code: string, error: unknown, correlationId = report.correlationId()): void {
    instruments.errors.add(1, { code });
    errors.note({ where, code, message: messageOf(error), correlationId });
  }

  const report: Report = {
    traffic: parts.traffic,
    request({ transport, name, traceparent }) {
      const startedAt = performance.now();
      const step = tracing.begin(name, correlations.begin(traceparent), { isRequest: true });
      const { correlation } = step;
      return {
        correlation,
        run: (work) => correlations.run(correlation, work),
        ended({ name: route = name, method, status, code }) {
          const seconds = (performance.now() - startedAt) / 1_000;
          if (transport === "websocket")
            instruments.commandDuration.record(seconds, { command: name, outcome: code ?? "ok" });
          else
            instruments.httpDuration.record(seconds, {
              "http.request.method": method ?? "",
              "http.route": route,
              "http.response.status_code": status ?? 0,
            });
          step.end({ error: code });
        },
      };
    },
    correlationId: () => correlations.current()?.correlationId,
    traceparent() {
      const current = correlations.current();
      return current && traceparentOf(current);
    },
    sessionCreated(event) {
      if (event.reused) instruments.duplicatesPrevented.add(1);
      else instruments.sessionsCreated.add(1, { agent: event.agent });
      logger.info(event, event.reused ? "session reused" : "session created");
    },
    sessionStatus(event) {
      logger.debug({ ...event, ...turnOf(event.sessionId) }, "session status");
    },
    sessionExpired(event) {
      instruments.sessionsExpired.add(1);
      logger.info(event, "session expired");
    },
    messageAccepted(event) {
      if (event.repeated) instruments.duplicatesPrevented.add(1);
      logger.info(event, event.repeated ? "message repeated" : "message accepted");
    },
    messageHandedOver({ sessionId, messageId, correlationId }) {
      // What steers joins the turn that runs.
      if (turns.has(sessionId)) return;
      const from = correlations.begin(undefined);
      const step = tracing.begin("turn", correlationId === undefined ? from : { ...from, correlationId }, {
        attributes: { "companion.session.id": sessionId, "companion.message.id": messageId },
      });
      turns.set(sessionId, step);
      logger.info({ sessionId, messageId, ...turnOf(sessionId) }, "message handed over");
    },
    turnCompleted({ model, usage, ...event }) {
      const { sessionId, result, durationMs, costUsd } = event;
      const label = { model: modelLabel(model) };
      instruments.turns.add(1, { result });
      if (durationMs !== undefined) instruments.turnDuration.record(durationMs / 1_000);
      if (costUsd) instruments.cost.add(costUsd, label);
      for (const [type, tokens] of tokensOf(usage)) instruments.tokens.add(tokens, { type, ...label });
      logger.info({ ...event, ...turnOf(sessionId) }, "turn completed");
      turns
        .get(sessionId)
        ?.end({ error: result === "error" ? result : undefined, attributes: { "companion.turn.result": result } });
      turns.delete(sessionId);
    },
    permissionRequested(event) {
      const { sessionId, permissionId, kind } = event;
      instruments.permissionsRequested.add(1, { kind });
      logger.info({ ...event, ...turnOf(sessionId) }, "permission requested");
      const turn = turns.get(sessionId);
      if (turn) asked.set(`${sessionId}/${permissionId}`, tracing.begin("permission", turn.correlation));
    },
    permissionResolved(event) {
      const { sessionId, permissionId, decision, waitedMs } = event;
      instruments.permissionsResolved.add(1, { decision });
      instruments.permissionWait.record(waitedMs / 1_000);
      logger.info({ ...turnOf(sessionId), ...event }, "permission resolved");
      asked.get(`${sessionId}/${permissionId}`)?.end({ attributes: { "companion.permission.decision": decision } });
      asked.delete(`${sessionId}/${permissionId}`);
    },
    agentStarted({ failure, ...event }) {
      const { sessionId, durationMs, resumed } = event;
      instruments.outsideDuration.record(durationMs / 1_000, {
        peer: "agent",
        outcome: failure === undefined ? "ok" : "failed",
      });
      if (resumed && failure === undefined) instruments.sessionsResumed.add(1);
      if (failure === undefined) logger.info({ ...event, ...turnOf(sessionId) }, "agent started");
      else {
        noteError("start an agent", "AGENT_FAILED", failure);
        logger.warn({ ...event, reason: failure }, "agent could not be started");
      }
    },
    agentDied(event) {
      instruments.agentsDied.add(1);
      noteError("agent", "AGENT_FAILED", event.reason, turns.get(event.sessionId)?.correlation.correlationId);
      logger.warn({ ...event, ...turnOf(event.sessionId) }, "agent died");
      turns.get(event.sessionId)?.end({ error: event.reason });
      turns.delete(event.sessionId);
    },
    agentSilent(event) {
      instruments.agentsSilent.add(1);
      logger.warn({ ...event, ...turnOf(event.sessionId) }, "agent silent");
    },
    scheduleDue(event) {
      instruments.schedulesDue.add(1, { outcome: event.outcome });
      if (event.outcome === "failed") logger.warn(event, "a scheduled message could not be sent; it is tried again");
      else logger.info(event, `scheduled message ${event.outcome}`);
    },
    notification({ waitedMs, ...event }) {
      const { platform, reason, outcome, correlationId } = event;
      instruments.notifications.add(1, { platform, reason, outcome });
      if (outcome === "sent" && waitedMs !== undefined) {
        instruments.notificationDuration.record(waitedMs / 1_000, { platform });
        if (correlationId !== undefined)
          tracing
            .begin(
              "notification",
              { ...correlations.begin(undefined), correlationId },
              { startedAt: parts.now() - waitedMs },
            )
            .end({ attributes: { "companion.push.platform": platform, "companion.push.reason": reason } });
      }
      logger.info({ ...event, waitedMs }, "notification");
    },
    providerCalled({ platform, outcome, durationMs, correlationId }) {
      instruments.outsideDuration.record(durationMs / 1_000, { peer: platform, outcome });
      if (outcome !== "delivered")
        logger.warn({ platform, outcome, durationMs, correlationId }, "push provider did not take it");
    },
    providerTrouble({ isOver, ...event }) {
      if (isOver) logger.info(event, "push provider answers again");
      else {
        noteError(`push ${event.platform}`, "PROVIDER_FAILED", event.reason);
        logger.warn(event, "push provider is in trouble and left alone for a while");
      }
    },
    emptyDelta() {
      instruments.filtered.add(1);
    },
    delivered({ waitedMs }) {
      instruments.deliveryDuration.record(Math.max(0, waitedMs) / 1_000);
    },
    committed({ waitedMs }) {
      instruments.commitDuration.record(waitedMs / 1_000);
    },
    eventsExpired({ events }) {
      instruments.expiredEvents.add(events);
      logger.info({ events }, "events expired");
    },
    connectionOpened({ isReturn, ...event }) {
      instruments.connectionsOpened.add(1);
      if (isReturn) instruments.reconnections.add(1);
      logger.info(event, "connection opened");
    },
    connectionClosed(event) {
      instruments.connectionsClosed.add(1, { code: event.code });
      logger.info(event, "connection closed");
    },
    upgradeRefused(event) {
      instruments.connectionsRefused.add(1, { status: event.status });
      logger.warn(event, "connection refused");
    },
    commandFailed({ error, ...event }) {
      noteError(event.type, event.code, error);
      if (event.code === "INTERNAL") logger.error({ ...event, err: error }, "command failed");
      else logger.debug(event, "command refused");
    },
    storageFailed({ operation, error }) {
      instruments.storageFailures.add(1);
      noteError(
        operation.replaceAll(/[0-9a-f-]{36}/g, "…"),
        error instanceof CompanionError ? error.code : "INTERNAL",
        error,
      );
      logger.error({ operation, err: error }, "storage failed");
    },
    certificateRenewed: (event) => logger.info(event, "certificate renewed"),
    certificateFailed({ error }) {
      noteError("renew the certificate", error instanceof CompanionError ? error.code : "INTERNAL", error);
      logger.error({ err: error }, "the certificate was not renewed");
    },
    announcementFailed: ({ error }) => logger.warn({ err: error }, "not announced on the local network"),
    clockJumped(event) {
      instruments.clockJumps.add(1);
      logger.warn(event, "the clock jumped; nothing expires for a day");
    },
  };
  return report;
}

/** How many tokens of which type. */
function tokensOf(usage: Usage | undefined): [type: string, tokens: number][] {
  if (usage === undefined) return [];
  return Object.entries(usage).flatMap(([field, tokens]): [string, number][] =>
    typeof tokens === "number" && tokens > 0 && /Tokens$/.test(field) ? [[field.replace(/Tokens$/, ""), tokens]] : [],
  );
}
