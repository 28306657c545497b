import { CompanionError, type DurableEvent } from "@claude-companion/protocol";
import type { Conversations, PastEvent } from "../agents/index.ts";
import type { EventLog } from "../log/index.ts";
import type { SessionRecord } from "../records/index.ts";

/** An event of a conversation; without `seq` it comes from the agent's own transcript. */
export interface HistoryItem {
  type: DurableEvent["type"];
  sessionId: string;
  seq?: number;
  timestamp?: string;
  data: unknown;
}

const cutEvents = 500;
const bytesMax = 4_000_000;

/**
 * A page of the whole conversation, going back from `before`: first our log, then, for what has expired from it or was
 * said before there was one, the agent's transcript.
 * @param from.before the cursor of the page before; undefined begins at the newest
 * @returns items in the order in which they happened; `next` goes on back
 */
export async function readHistory(
  house: { log: Pick<EventLog, "head" | "read">; conversations: Conversations | undefined },
  { sessionId, conversationId }: Pick<SessionRecord, "sessionId" | "conversationId">,
  from: { before: string | undefined; limit: number },
): Promise<{ items: HistoryItem[]; next: string | undefined }> {
  const { log, conversations } = house;
  const [source, at] = cursorOf(from.before);
  const { firstSeq, lastSeq } = (await log.head(sessionId)) ?? { firstSeq: 1, lastSeq: 0 };
  const past = conversations && conversationId !== undefined ? conversationId : undefined;

  if (source === "log" && lastSeq >= firstSeq && (at === undefined || at > firstSeq)) {
    const end = Math.min(at ?? Number.POSITIVE_INFINITY, lastSeq + 1);
    const after = Math.max(firstSeq - 1, end - 1 - from.limit);
    const events = await log.read(sessionId, after, { events: end - 1 - after, bytes: bytesMax });
    const items = events.map(({ frame }): HistoryItem => JSON.parse(frame));
    // A page that is too large was cut at its end: the same way, in smaller steps.
    const newest = items.at(-1)?.seq;
    if (newest !== undefined && newest < end - 1 && from.limit > 1)
      return readHistory(house, { sessionId, conversationId }, { ...from, limit: Math.ceil(from.limit / 2) });
    const oldest = after + 1;
    const next = oldest > firstSeq ? `log.${oldest}` : past === undefined ? undefined : "past";
    return { items, next };
  }
  if (past === undefined || conversations === undefined) return { items: [], next: undefined };
  const all = await conversations.read(past);
  const end = source === "past" && at !== undefined ? at : await untold(all);
  const begin = Math.max(0, end - from.limit);
  const items = all.slice(begin, end).map(({ timestamp, event: { type, data } }) => ({
    type,
    sessionId,
    ...(timestamp === undefined ? {} : { timestamp }),
    data,
  }));
  return { items, next: begin > 0 ? `past.${begin}` : undefined };

  /** How much of the transcript was said before what the log has. */
  async function untold(said: readonly PastEvent[]): Promise<number> {
    const oldest = await log.read(sessionId, 0, { events: cutEvents, bytes: bytesMax });
    const told = keysOf(oldest);
    const cut = said.findIndex(({ event }) => told.has(keyOf(event)));
    return cut === -1 ? said.length : cut;
  }
}

/**
 * From where a transcript is new to the log: behind the last thing that the log has.
 * @returns undefined when the log's newest events have nothing of it
 */
export async function firstUnknown(
  log: Pick<EventLog, "head" | "read">,
  sessionId: string,
  said: readonly PastEvent[],
): Promise<number | undefined> {
  const { lastSeq } = (await log.head(sessionId)) ?? { lastSeq: 0 };
  const newest = await log.read(sessionId, Math.max(0, lastSeq - cutEvents), { events: cutEvents, bytes: bytesMax });
  const told = keysOf(newest);
  const last = said.findLastIndex(({ event }) => told.has(keyOf(event)));
  return last === -1 ? undefined : last + 1;
}

/** Keys of stored events. What has no key of its own is the same as nothing. */
function keysOf(events: readonly { frame: string }[]): Set<string> {
  const keys = new Set(events.map(({ frame }) => keyOf(JSON.parse(frame))));
  keys.delete("");
  return keys;
}

/** The same thing said has the same key in the log and in the transcript. */
function keyOf({ type, data }: { type: string; data: unknown }): string {
  const { messageId, blockIndex, toolUseId } = Object(data) as Record<string, unknown>;
  if (type === "humanMessage") return `human/${messageId}`;
  if (type === "assistantMessage") return `said/${messageId}/${blockIndex}`;
  if (type === "toolUse" || type === "toolResult") return `${type}/${toolUseId}`;
  return "";
}

function cursorOf(before: string | undefined): ["log" | "past", number | undefined] {
  const match = /^(log|past)(?:\.(\d{1,15}))?$/.exec(before ?? "log");
  if (match === null)
    throw new CompanionError("INVALID_REQUEST", "`before` is no cursor. Give `next` of the page before.");
  return [match[1] === "past" ? "past" : "log", match[2] === undefined ? undefined : Number(match[2])];
}
