import type { Logger } from "./logger.ts";

/** One function per business event: whoever counts, counts here, and call sites stay free of logging by hand. */
export interface Report {
  sessionCreated(event: { sessionId: string; agent: string; reused: boolean }): void;
  sessionStatus(event: { sessionId: string; status: string; reason: string | undefined }): void;
  turnCompleted(event: {
    sessionId: string;
    result: string;
    durationMs: number | undefined;
    costUsd: number | undefined;
  }): void;
  permissionRequested(event: { sessionId: string; permissionId: string; toolName: string }): void;
  permissionResolved(event: { sessionId: string; permissionId: string; decision: string; waitedMs: number }): void;
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
    platform: string;
    reason: string;
    outcome: string;
    waitedMs: number | undefined;
  }): void;
  /** A push provider is left alone for a while, or answers again. */
  providerTrouble(event: { platform: string; provider: string; reason: string; since: number; isOver: boolean }): void;
  emptyDelta(): void;
  connectionOpened(event: { clientId: string; deviceId: string; user: string }): void;
  connectionClosed(event: { clientId: string; code: number; reason: string; durationMs: number }): void;
  upgradeRefused(event: { status: number; reason: string; address: string }): void;
  commandFailed(event: { type: string; code: string; requestId: string; error: unknown }): void;
  storageFailed(event: { operation: string; error: unknown }): void;
  /** The wall clock jumped: nothing is forgotten for a while. */
  clockJumped(event: { byMs: number }): void;
  /** What has been counted since the start; for `/health` and tests. */
  counts(): Readonly<Record<string, number>>;
}

/** Reports to the log and counts in memory. */
export function createReport(logger: Logger): Report {
  const counts: Record<string, number> = {};
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    sessionCreated(event) {
      count("sessionsCreated");
      logger.info(event, event.reused ? "session reused" : "session created");
    },
    sessionStatus(event) {
      count(`sessionStatus.${event.status}`);
      logger.debug(event, "session status");
    },
    turnCompleted(event) {
      count(`turns.${event.result}`);
      logger.info(event, "turn completed");
    },
    permissionRequested(event) {
      count("permissionsRequested");
      logger.info(event, "permission requested");
    },
    permissionResolved(event) {
      count(`permissionsResolved.${event.decision}`);
      logger.info(event, "permission resolved");
    },
    agentDied(event) {
      count("agentsDied");
      logger.warn(event, "agent died");
    },
    agentSilent(event) {
      count("agentsSilent");
      logger.warn(event, "agent silent");
    },
    scheduleDue(event) {
      count(`schedulesDue.${event.outcome}`);
      if (event.outcome === "failed") logger.warn(event, "a scheduled message could not be sent; it is tried again");
      else logger.info(event, `scheduled message ${event.outcome}`);
    },
    notification(event) {
      count(`notifications.${event.outcome}`);
      logger.info(event, "notification");
    },
    providerTrouble({ isOver, ...event }) {
      count(isOver ? "providersBack" : "providersTroubled");
      if (isOver) logger.info(event, "push provider answers again");
      else logger.warn(event, "push provider is in trouble and left alone for a while");
    },
    emptyDelta() {
      count("emptyDeltas");
    },
    connectionOpened(event) {
      count("connectionsOpened");
      logger.info(event, "connection opened");
    },
    connectionClosed(event) {
      count(`connectionsClosed.${event.code}`);
      logger.info(event, "connection closed");
    },
    upgradeRefused(event) {
      count("upgradesRefused");
      logger.warn(event, "connection refused");
    },
    commandFailed({ error, ...event }) {
      count(`commandsFailed.${event.code}`);
      if (event.code === "INTERNAL") logger.error({ ...event, err: error }, "command failed");
      else logger.debug(event, "command refused");
    },
    storageFailed({ operation, error }) {
      count("storageFailures");
      logger.error({ operation, err: error }, "storage failed");
    },
    clockJumped(event) {
      count("clockJumps");
      logger.warn(event, "the clock jumped; nothing expires for a day");
    },
    counts: () => ({ ...counts }),
  };
}
