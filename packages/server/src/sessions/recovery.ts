import type { AgentProvider } from "../agents/index.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Commit, EventLog } from "../log/index.ts";
import type { Records, SessionRecord } from "../records/index.ts";
import { isOfAgent } from "./permissions.ts";

/**
 * Brings a session that the server left in mid-air to the state that is true now: its agent is gone, so what was asked
 * is lost, what was handed over was cut off, and what was only accepted still has to be handed over.
 */
export async function recoverSession(options: {
  record: SessionRecord;
  log: Pick<EventLog, "writer">;
  records: Pick<Records, "sessions" | "permissions" | "messages">;
  clock: Clock;
  provider: AgentProvider | undefined;
}): Promise<{ record: SessionRecord; hasQueued: boolean }> {
  const { records, clock } = options;
  const { sessionId, status } = options.record;
  const messages = await records.messages.list(sessionId);
  const hasQueued = messages.some((message) => message.state === "queued") && options.provider !== undefined;
  const wasActive = status !== "hibernated" && status !== "failed";
  const handedOver = messages.filter((message) => message.state === "handedOver");
  const asked = wasActive
    ? (await records.permissions.list(sessionId)).filter(
        ({ outcome, request }) => outcome === undefined && isOfAgent(request),
      )
    : [];
  if (!wasActive && handedOver.length === 0) return { record: options.record, hasQueued };

  const reason = "serverRestarted";
  const record: SessionRecord = wasActive
    ? { ...options.record, status: "hibernated", statusReason: reason }
    : options.record;
  const events: Commit["events"][number][] = [];
  const writes: Commit["records"][number][] = [records.sessions.write(record)];
  for (const permission of asked) {
    const { permissionId } = permission;
    const message = "The server was restarted and the agent with it. Nothing was allowed.";
    const outcome = { permissionId, decision: "lost" as const, message, resolvedAt: isoTime(clock.now()) };
    events.push({ id: `permissionResolved:${permissionId}`, event: { type: "permissionResolved", data: outcome } });
    writes.push(records.permissions.write({ ...permission, outcome }));
  }
  for (const message of handedOver) {
    const state = options.provider?.capabilities.recognisesRepeats === false ? "indeterminate" : "failed";
    const why =
      "The server was restarted while the agent worked on this. What it had done until then stays done; send the message again to go on.";
    const { messageId } = message;
    events.push({
      id: `messageState:${messageId}:${state}`,
      event: { type: "messageState", data: { messageId, state, reason: why } },
    });
    writes.push(records.messages.removal(message));
  }
  if (wasActive)
    events.push({ id: undefined, event: { type: "sessionStatus", data: { status: "hibernated", reason } } });
  const writer = await options.log.writer(sessionId);
  await writer.append({ events, records: writes });
  await writer.close();
  return { record, hasQueued };
}
