import type { CommandAck, CommandInput, ServerFrame } from "@claude-companion/protocol";
import { CompanionError } from "@claude-companion/protocol/errors";
import type { Socket } from "./socket.ts";
import type { Storage } from "./storage.ts";

/** What a session's stream yields: stored events, live text, gaps, errors. */
export type SessionFrame = Extract<ServerFrame, { sessionId?: unknown }>;

/** A frame's place in the log; undefined: it has none, as live text. */
export const seqOf = (frame: SessionFrame | undefined): number | undefined =>
  frame && "seq" in frame ? frame.seq : undefined;

/** A session's events, each exactly once and in order, through any number of connections. */
export interface SessionStream extends AsyncIterable<SessionFrame> {
  /** The last answer to `subscribe`: status and what waits for an answer. */
  readonly subscribed: Promise<CommandAck<"subscribe">>;
  /** The newest event that was yielded. */
  readonly position: { epoch: string | undefined; seq: number };
  /** Ends the iteration. */
  close(): void;
}

/** Where to begin and what to get. */
export interface SubscribeOptions {
  /** A position of your own (with its `epoch`), or "latest"; by default where this device was. */
  after?: number | "latest";
  epoch?: string;
  /** Types of events; by default all. */
  events?: CommandInput<"subscribe">["events"];
  signal?: AbortSignal;
}

/** The connection's side of a stream. */
export interface StreamFeed {
  /** Every frame of the session. */
  receive(frame: SessionFrame, length: number): void;
  /** There is a new connection: subscribe on it. */
  connected(): void;
  /** It will not come back. */
  fail(error: Error): void;
}

const acknowledge = { everyMs: 1_000, events: 128, bytes: 64 * 1024 };
const retryMs = 1_000;

/**
 * @param options.request sends a command on the connection there is now
 * @param options.onClose called once
 */
export function createSessionStream(options: {
  sessionId: string;
  subscribe: SubscribeOptions;
  storage: Pick<Storage, "get" | "set">;
  /** Sends on the connection that there is now. */
  request: Socket["request"];
  onClose: () => void;
}): SessionStream & StreamFeed {
  const { sessionId, storage } = options;
  const { after, events, signal } = options.subscribe;
  const positionKey = `position/${sessionId}`;
  const ready = Promise.withResolvers<CommandAck<"subscribe">>();
  ready.promise.catch(() => {});
  let position = { epoch: options.subscribe.epoch, seq: typeof after === "number" ? after : 0 };
  /** Undefined until a first subscription told where we stand. */
  let begun = typeof after === "number";
  /** Frames of a subscription that was given up are not ours any more. */
  let attempt = 0;
  let listening = false;
  const text = new Map<string, number>();

  let queue: { frame: SessionFrame; bytes: number }[] = [];
  let wake: (() => void) | undefined;
  let closed = false;
  let failure: Error | undefined;

  const consumed = { seq: 0, events: 0, bytes: 0 };
  let acknowledgeTimer: ReturnType<typeof setTimeout> | undefined;
  let acknowledging: Promise<void> = Promise.resolve();

  async function subscribe(): Promise<void> {
    const mine = ++attempt;
    listening = false;
    const stored = begun ? undefined : await storedPosition();
    if (mine !== attempt || closed) return;
    if (stored) {
      position = stored;
      begun = true;
    }
    const from: Pick<CommandInput<"subscribe">, "after" | "epoch"> = begun
      ? { after: position.seq, ...(position.epoch === undefined ? {} : { epoch: position.epoch }) }
      : { after: after ?? "acked" };
    const data: CommandInput<"subscribe"> = { sessionId, ...from, ...(events ? { events } : {}) };
    try {
      await options.request("subscribe", data, (answer) => {
        if (mine === attempt) begin(answer);
      });
    } catch (error) {
      if (mine !== attempt || closed) return;
      if (!(error instanceof CompanionError)) return; // Disconnected: the next connection subscribes.
      if (!error.retryable) return feed.fail(error);
      setTimeout(() => mine === attempt && !closed && void subscribe(), retryMs);
    }
  }
  /** Must run before the frames that follow the answer are looked at. */
  function begin(answer: CommandAck<"subscribe">): void {
    if (!begun) position = { epoch: answer.epoch, seq: answer.after };
    // A reset is told by a gap that follows; until then the old epoch stands.
    position.epoch ??= answer.epoch;
    begun = true;
    listening = true;
    ready.resolve(answer);
  }
  async function storedPosition(): Promise<{ epoch: string; seq: number } | undefined> {
    if (after === "latest") return undefined;
    const found = await storage.get(positionKey);
    return found as { epoch: string; seq: number } | undefined;
  }

  /** Live text that we have already is cut off. @returns undefined when nothing is left, "hole" when some is missing */
  function newText(frame: Extract<ServerFrame, { type: "streamData" }>): SessionFrame | undefined | "hole" {
    const key = `${frame.data.messageId}/${frame.data.blockIndex}`;
    const have = text.get(key) ?? 0;
    const { offset, text: piece } = frame.data;
    if (offset > have) return "hole";
    if (offset + piece.length <= have) return undefined;
    text.set(key, offset + piece.length);
    return offset === have
      ? frame
      : { ...frame, data: { ...frame.data, offset: have, text: piece.slice(have - offset) } };
  }
  function closeText(frame: SessionFrame): void {
    if (frame.type === "turnCompleted") text.clear();
    if (frame.type === "assistantMessage" || frame.type === "toolUse")
      text.delete(`${frame.data.messageId}/${frame.data.blockIndex}`);
  }
  function push(frame: SessionFrame, length: number): void {
    queue.push({ frame, bytes: length });
    wake?.();
  }

  /** The consumer has come back for more: what it had is done with. */
  function done({ frame, bytes }: { frame: SessionFrame; bytes: number }): void {
    const seq = "seq" in frame ? frame.seq : undefined;
    if (seq === undefined) return;
    consumed.seq = seq;
    consumed.events += 1;
    consumed.bytes += bytes;
    if (consumed.events >= acknowledge.events || consumed.bytes >= acknowledge.bytes) return tellPosition();
    acknowledgeTimer ??= setTimeout(tellPosition, acknowledge.everyMs);
  }
  function tellPosition(): void {
    clearTimeout(acknowledgeTimer);
    acknowledgeTimer = undefined;
    const { seq } = consumed;
    if (consumed.events === 0) return;
    consumed.events = 0;
    consumed.bytes = 0;
    const { epoch } = position;
    // Stored here first, told second. What is not told is told with the next one.
    acknowledging = acknowledging
      .then(() => storage.set(positionKey, { epoch, seq }))
      .then(() => options.request("acknowledge", { sessionId, seq }))
      .then(
        () => {},
        () => {},
      );
  }

  const feed: SessionStream & StreamFeed = {
    subscribed: ready.promise,
    get position() {
      return position;
    },
    receive(frame, length) {
      if (!listening) return;
      if (frame.type === "gap") {
        position = { epoch: frame.data.epoch, seq: frame.data.firstSeq - 1 };
        return push(frame, length);
      }
      if (frame.type === "streamData") {
        const fresh = newText(frame);
        if (fresh === "hole") return void subscribe();
        return fresh && push(fresh, length);
      }
      // Copies for lists and errors about the connection have no position.
      if (!("seq" in frame) || frame.seq === undefined) return;
      if (frame.seq <= position.seq) return;
      // With a filter there are holes by intention; without one a hole is a loss: go back to where we were.
      if (events === undefined && frame.seq !== position.seq + 1) return void subscribe();
      position.seq = frame.seq;
      closeText(frame);
      push(frame, length);
    },
    connected: () => void subscribe(),
    fail(error) {
      if (closed) return;
      failure = error;
      ready.reject(error);
      feed.close();
    },
    close() {
      if (closed) return;
      closed = true;
      attempt += 1;
      tellPosition();
      ready.reject(new Error("The stream was closed."));
      wake?.();
      options.onClose();
    },
    async *[Symbol.asyncIterator]() {
      const stop = () => feed.close();
      signal?.addEventListener("abort", stop);
      if (signal?.aborted) stop();
      try {
        for (;;) {
          const batch = queue;
          queue = [];
          for (const entry of batch) {
            if (closed && failure === undefined) return;
            yield entry.frame;
            done(entry);
          }
          if (queue.length > 0) continue;
          if (failure) throw failure;
          if (closed) return;
          await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        signal?.removeEventListener("abort", stop);
        feed.close();
      }
    },
  };
  return feed;
}
