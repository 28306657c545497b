import type { CommandAck, CommandInput } from "@claude-companion/protocol";
import { CompanionError } from "@claude-companion/protocol/errors";
import type { Storage } from "./storage.ts";

type Message = CommandInput<"sendMessage">;

/** Messages that the server has not acknowledged yet. They are kept until it has, whatever happens in between. */
export interface Outbox {
  /** Keeps a message and sends it; resolves when the server has it. Sent twice, it counts once: it has an id. */
  send(message: Message): Promise<CommandAck<"sendMessage">>;
  /** What is not acknowledged yet, oldest first. */
  pending(): Message[];
  close(): void;
}

const prefix = "outbox/";
const retryMs = 2_000;

/**
 * Opens the outbox: what an earlier run left in it is sent too.
 * @param options.request waits for a connection, sends, and fails when the connection ends before the answer
 * @param options.onRefused a message of an earlier run that the server will never take
 */
export async function openOutbox(options: {
  storage: Storage;
  request: (message: Message) => Promise<CommandAck<"sendMessage">>;
  onRefused: (message: Message, error: CompanionError) => void;
}): Promise<Outbox> {
  const { storage, request } = options;
  const waiting = new Map<string, Message>();
  /** One after the other in a session, so that they arrive in the order in which they were written. */
  const lines = new Map<string, Promise<unknown>>();
  let order = 0;
  let closed = false;
  const keyOf = (n: number) => `${prefix}${String(n).padStart(16, "0")}`;

  async function deliver(key: string, message: Message): Promise<CommandAck<"sendMessage">> {
    for (;;) {
      if (closed) throw new Error("The outbox was closed; the message is kept for the next time.");
      try {
        const answer = await request(message);
        await forget(key);
        return answer;
      } catch (error) {
        if (!(error instanceof CompanionError)) {
          if (closed) throw error;
          continue; // The connection ended: the next one.
        }
        if (!error.retryable) {
          await forget(key);
          throw error;
        }
        const seconds = error.details?.retryAfterSeconds;
        await new Promise((resolve) => setTimeout(resolve, typeof seconds === "number" ? seconds * 1_000 : retryMs));
      }
    }
  }
  async function forget(key: string): Promise<void> {
    waiting.delete(key);
    await storage.remove(key);
  }
  function enqueue(key: string, message: Message): Promise<CommandAck<"sendMessage">> {
    waiting.set(key, message);
    const before = lines.get(message.sessionId) ?? Promise.resolve();
    const mine = before.then(() => deliver(key, message));
    const settled = mine.catch(() => {});
    lines.set(message.sessionId, settled);
    void settled.then(() => lines.get(message.sessionId) === settled && lines.delete(message.sessionId));
    return mine;
  }

  for (const { key, value } of await storage.list(prefix)) {
    order = Math.max(order, Number(key.slice(prefix.length)));
    const message = value as Message;
    enqueue(key, message).catch(
      (error: unknown) => error instanceof CompanionError && options.onRefused(message, error),
    );
  }
  return {
    async send(message) {
      const key = keyOf(++order);
      await storage.set(key, message);
      return enqueue(key, message);
    },
    pending: () => [...waiting.keys()].sort((a, b) => (a < b ? -1 : 1)).flatMap((key) => waiting.get(key) ?? []),
    close() {
      closed = true;
    },
  };
}
