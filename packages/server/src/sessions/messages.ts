import type { Actor, Content, Delivery, DurableData } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Commit } from "../log/index.ts";
import type { MessageRecord, Records } from "../records/index.ts";

type State = DurableData<"messageState">["state"];

/** What a person sends. */
export interface NewMessage {
  messageId: string;
  content: z.infer<typeof Content>;
  by: z.infer<typeof Actor> | undefined;
  delivery: z.infer<typeof Delivery>;
  /** Set: it was sent by this schedule. */
  scheduleId?: string;
  /** Of the request that sends it. */
  correlationId?: string | undefined;
}

/** The messages of people that the agent has not finished with, in order. */
export interface Messages {
  readonly queued: readonly MessageRecord[];
  /** Those, and what the agent has taken and not finished with. */
  readonly open: readonly MessageRecord[];
  /** A new message, as the commit that accepts it. */
  accept(
    message: NewMessage,
    queued: boolean,
  ): {
    record: MessageRecord;
    commit: Commit;
  };
  /** The commit of an accepted message was stored, and it was new. */
  accepted(record: MessageRecord): void;
  /** What the agent says of a message. Undefined when that changes nothing. */
  advance(messageId: string, state: State, reason: string | undefined): Commit | undefined;
  /** The agent is gone: what was handed over gets this state; what was not, waits for the next one. */
  settleHandedOver(state: State, reason: string): Commit[];
  /**
   * A person takes back what waits, or puts it elsewhere in the row. Done at once; `undo` when it could not be stored.
   * Undefined: it does not wait (any more).
   */
  withdraw(messageId: string): { commit: Commit; undo(): void } | undefined;
  move(messageId: string, before: string | undefined): { commit: Commit; undo(): void } | undefined;
  /** The session is over: nothing waits any more. */
  withdrawAll(reason: string): Commit[];
}

/** @param options.open what was not finished before */
export function createMessages(options: {
  sessionId: string;
  records: Pick<Records, "messages">;
  clock: Clock;
  open: readonly MessageRecord[];
}): Messages {
  const { records } = options;
  let open = new Map([...options.open].sort((a, b) => a.order - b.order).map((record) => [record.messageId, record]));
  let lastOrder = [...open.values()].at(-1)?.order ?? 0;

  function change(record: MessageRecord, state: State, reason: string | undefined): Commit {
    const { messageId } = record;
    const isOpen = state === "handedOver";
    if (isOpen) record.state = "handedOver";
    else open.delete(messageId);
    return {
      events: [
        {
          id: `messageState:${messageId}:${state}`,
          event: { type: "messageState", data: { messageId, state, reason } },
        },
      ],
      records: [isOpen ? records.messages.write(record) : records.messages.removal(record)],
    };
  }

  const messages: Messages = {
    get open() {
      return [...open.values()];
    },
    get queued() {
      return [...open.values()].filter((record) => record.state === "queued");
    },
    accept({ messageId, content, by, delivery, scheduleId, correlationId }, queued) {
      lastOrder = Math.max(lastOrder + 1, options.clock.now());
      const record: MessageRecord = {
        messageId,
        sessionId: options.sessionId,
        order: lastOrder,
        content,
        by,
        delivery,
        state: "queued",
        correlationId,
      };
      const data = {
        messageId,
        content,
        by,
        queued,
        ...(delivery === "queue" ? {} : { delivery }),
        scheduleId,
        correlationId,
      };
      return {
        record,
        commit: {
          events: [{ id: `message:${messageId}`, event: { type: "humanMessage", data } }],
          records: [records.messages.write(record)],
        },
      };
    },
    accepted: (record) => void open.set(record.messageId, record),
    advance(messageId, state, reason) {
      const record = open.get(messageId);
      if (record === undefined || record.state === state) return undefined;
      return change(record, state, reason);
    },
    settleHandedOver: (state, reason) =>
      [...open.values()]
        .filter((record) => record.state === "handedOver")
        .map((record) => change(record, state, reason)),
    withdraw(messageId) {
      const record = open.get(messageId);
      if (record?.state !== "queued") return undefined;
      const before = new Map(open);
      return {
        commit: change(record, "withdrawn", undefined),
        undo: () => {
          open = before;
        },
      };
    },
    move(messageId, before) {
      const waiting = messages.queued;
      const moved = waiting.find((record) => record.messageId === messageId);
      const others = waiting.filter((record) => record !== moved);
      const at = before === undefined ? others.length : others.findIndex((record) => record.messageId === before);
      if (moved === undefined || at === -1) return undefined;
      const row = others.toSpliced(at, 0, moved);
      // The places stay, those who stand in them change.
      const placed = row.map((record, i) => ({ ...record, order: waiting[i]?.order ?? record.order }));
      const old = open;
      const rest = [...open.values()].filter((record) => record.state !== "queued");
      open = new Map([...rest, ...placed].map((record) => [record.messageId, record]));
      const data = { messageIds: row.map((record) => record.messageId) };
      return {
        commit: {
          events: [{ id: undefined, event: { type: "queueChanged", data } }],
          records: placed.map((record) => records.messages.write(record)),
        },
        undo: () => {
          open = old;
        },
      };
    },
    withdrawAll: (reason) => [...open.values()].map((record) => change(record, "withdrawn", reason)),
  };
  return messages;
}
