import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { DurableEvent } from "@claude-companion/protocol";
import type { Conversations } from "../agents/index.ts";
import { createMemoryStorage } from "../storage/index.ts";
import { type HistoryItem, readHistory } from "./history.ts";

const said = (messageId: string, text: string): DurableEvent => ({
  type: "assistantMessage",
  data: { messageId, blockIndex: 0, content: [{ type: "text", text }] },
});
const asked = (messageId: string, text: string): DurableEvent => ({
  type: "humanMessage",
  data: { messageId, content: text, queued: false },
});

describe("history", () => {
  /** A conversation of so many turns, of which the log has all but the first events. */
  async function start(options: { before: number; turns: number; forget: number }) {
    const sessionId = randomUUID();
    const { log } = createMemoryStorage();
    const events = Array.from({ length: options.before + options.turns }, (_, i) => [
      asked(`human-${i}`, `ask ${i}`),
      said(`said-${i}`, `say ${i}`),
    ]);
    const writer = await log.writer(sessionId);
    for (const turn of events.slice(options.before)) {
      const status: DurableEvent = { type: "sessionStatus", data: { status: "idle" } };
      await writer.append({ events: [...turn, status].map((event) => ({ id: undefined, event })), records: [] });
    }
    const keepEvents = Math.max(1, options.turns * 3 - options.forget);
    await log.trim(sessionId, { before: 0, bytesMax: options.forget > 0 ? 0 : 1e9, keepEvents });
    const conversations: Conversations = {
      list: async () => [],
      read: async () => events.flat().map((event, i) => ({ id: String(i), timestamp: undefined, event })),
      fork: async () => "",
      turnDiff: async () => undefined,
      elsewhere: async () => new Map(),
      changedAt: async () => undefined,
    };
    return async (limit: number, own: Conversations | undefined = conversations) => {
      const items: HistoryItem[] = [];
      for (let before: string | undefined, i = 0; i === 0 || before !== undefined; i++) {
        const page = await readHistory(
          { log, conversations: own },
          { sessionId, conversationId: "c" },
          { before, limit },
        );
        assert.ok(page.items.length <= limit);
        items.unshift(...page.items);
        before = page.next;
        assert.ok(i < 1_000, "it never ends");
      }
      return items.flatMap(({ type, data }) => {
        const { content } = data as { content?: string | { text: string }[] };
        return type === "sessionStatus" ? [] : [typeof content === "string" ? content : content?.[0]?.text];
      });
    };
  }
  const all = (turns: number) => Array.from({ length: turns }, (_, i) => [`ask ${i}`, `say ${i}`]).flat();

  test("[SES-20] history goes back through all that was said, also what has left the log, each thing once", async () => {
    for (const [before, turns, forget] of [
      [0, 5, 0],
      [0, 5, 4],
      [0, 5, 5],
      [0, 5, 14],
      [4, 0, 0],
      [4, 3, 0],
      [4, 3, 2],
    ] as const) {
      const read = await start({ before, turns, forget });
      for (const limit of [1, 2, 3, 7, 100])
        assert.deepEqual(await read(limit), all(before + turns), `${before}, ${turns}, ${forget}: pages of ${limit}`);
    }
    // An agent without a history of its own: what the log has.
    const read = await start({ before: 2, turns: 3, forget: 3 });
    assert.deepEqual(await read(2, { ...({} as Conversations), read: async () => [] }), all(5).slice(6));
  });

  test("[SES-21] a cursor that is none is refused", async () => {
    const { log } = createMemoryStorage();
    const session = { sessionId: randomUUID(), conversationId: undefined };
    for (const before of ["", "nonsense", "log.x", "past.-1", "other.1", "log.1.2"])
      await assert.rejects(readHistory({ log, conversations: undefined }, session, { before, limit: 1 }), {
        code: "INVALID_REQUEST",
      });
    assert.deepEqual(await readHistory({ log, conversations: undefined }, session, { before: undefined, limit: 1 }), {
      items: [],
      next: undefined,
    });
  });
});
