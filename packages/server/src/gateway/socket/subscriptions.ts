import type { Clock } from "../../clock.ts";
import type { Batch, Subscription } from "../../delivery/index.ts";
import type { Writer } from "./writer.ts";

/** Measuring each would cost more than handing it over. */
const sampleEvery = 16;
/** The envelope of an event, up to its time. */
const envelope = /^\{"type":"\w+","sessionId":"[^"]+","seq":\d+,"timestamp":"([^"]+)"/;

/** What one connection follows, and how fast it may be sent to. */
export interface Subscriptions {
  /** Begins to send. One a session: an older one of the same session ends. */
  add(subscription: Subscription): void;
  /** @returns whether there was one */
  remove(sessionId: string): boolean;
  /** The client has stored everything up to here. */
  acknowledged(sessionId: string, seq: number): void;
  /** The socket took something. */
  progressed(): void;
  /** How long there was something to send that the client did not take. */
  stalledMs(): number;
  readonly unacknowledgedBytes: number;
  readonly sessionIds: string[];
  close(): void;
}

interface Entry {
  readonly subscription: Subscription;
  /** Sent and not acknowledged, oldest first. */
  unacknowledged: { seq: number; bytes: number }[];
  /** Sending, or waiting for room or for the log: a wake changes nothing then. */
  isPumping: boolean;
}

/**
 * A client is paced by its acknowledgements as well as by its socket, because the kernel swallows megabytes before the
 * socket shows anything. One that never acknowledges is paced by the socket alone. What is not sent is not held: the
 * subscription reads it again from the log.
 * @param options.windowBytes most that may be sent and not acknowledged
 * @param options.onFailure a subscription broke (the log could not be read)
 */
export function createSubscriptions(options: {
  writer: Pick<Writer, "sendBatch" | "room">;
  windowBytes: number;
  clock: Pick<Clock, "monotonicMs">;
  now: () => number;
  /** Told of one batch of sixteen. */
  onDelivered: (event: { waitedMs: number }) => void;
  onFailure: (sessionId: string, error: unknown) => void;
}): Subscriptions {
  const { writer, clock } = options;
  const entries = new Map<string, Entry>();
  let acknowledges = false;
  let unacknowledgedBytes = 0;
  let blocked = 0;
  let progressAt = 0;
  let closed = false;
  let batches = 0;
  let opened: { promise: Promise<void>; resolve: () => void } | undefined;

  const windowIsFull = () => acknowledges && unacknowledgedBytes >= options.windowBytes && !closed;
  function openWindow(): void {
    opened?.resolve();
    opened = undefined;
  }
  async function room(): Promise<void> {
    if (blocked === 0) progressAt = clock.monotonicMs();
    blocked += 1;
    for (;;) {
      const drained = writer.room();
      if (drained !== undefined) await drained;
      else if (windowIsFull()) {
        opened ??= Promise.withResolvers<void>();
        await opened.promise;
      } else break;
    }
    blocked -= 1;
  }
  /** From the event to here, if it did not wait in the log. */
  function measure({ frames: [first], lastSeq }: Batch): void {
    if (lastSeq === undefined || first === undefined || first.includes('"queued":{"queuedAt"', first.length - 120))
      return;
    const [, storedAt] = envelope.exec(first) ?? [];
    if (storedAt !== undefined) options.onDelivered({ waitedMs: options.now() - Date.parse(storedAt) });
  }
  /** Sends all there is, until the client can take no more or nothing is left. Free of promises while it can. */
  function pump(entry: Entry): void {
    const { subscription } = entry;
    while (entries.get(subscription.sessionId) === entry) {
      const wait = windowIsFull() || writer.room() !== undefined ? room() : undefined;
      const next = wait ?? subscription.next();
      if (next instanceof Promise) {
        next.then(
          () => pump(entry),
          (error: unknown) => fail(entry, error),
        );
        return;
      }
      if (next === undefined) {
        entry.isPumping = false;
        return;
      }
      const bytes = writer.sendBatch(next);
      batches += 1;
      if (batches % sampleEvery === 0) measure(next);
      if (acknowledges && next.lastSeq !== undefined) {
        entry.unacknowledged.push({ seq: next.lastSeq, bytes });
        unacknowledgedBytes += bytes;
      }
    }
  }
  function fail(entry: Entry, error: unknown): void {
    const { sessionId } = entry.subscription;
    if (entries.get(sessionId) !== entry) return;
    subscriptions.remove(sessionId);
    options.onFailure(sessionId, error);
  }
  function forget(entry: Entry): void {
    for (const { bytes } of entry.unacknowledged.splice(0)) unacknowledgedBytes -= bytes;
    if (!windowIsFull()) openWindow();
    entry.subscription.close();
  }

  const subscriptions: Subscriptions = {
    add(subscription) {
      subscriptions.remove(subscription.sessionId);
      const entry: Entry = { subscription, unacknowledged: [], isPumping: true };
      entries.set(subscription.sessionId, entry);
      subscription.onWake(() => {
        if (entry.isPumping) return;
        entry.isPumping = true;
        pump(entry);
      });
      pump(entry);
    },
    remove(sessionId) {
      const entry = entries.get(sessionId);
      if (entry === undefined) return false;
      entries.delete(sessionId);
      forget(entry);
      return true;
    },
    acknowledged(sessionId, seq) {
      acknowledges = true;
      const entry = entries.get(sessionId);
      if (entry === undefined) return;
      const { unacknowledged } = entry;
      let count = 0;
      for (; (unacknowledged[count]?.seq ?? Number.POSITIVE_INFINITY) <= seq; count++) {
        unacknowledgedBytes -= unacknowledged[count]?.bytes ?? 0;
      }
      if (count === 0) return;
      unacknowledged.splice(0, count);
      progressAt = clock.monotonicMs();
      if (!windowIsFull()) openWindow();
    },
    progressed() {
      // Nobody asks while nothing is blocked, and this runs for every write.
      if (blocked > 0) progressAt = clock.monotonicMs();
    },
    get unacknowledgedBytes() {
      return unacknowledgedBytes;
    },
    get sessionIds() {
      return [...entries.keys()];
    },
    stalledMs: () => (blocked === 0 ? 0 : clock.monotonicMs() - progressAt),
    close() {
      closed = true;
      for (const sessionId of [...entries.keys()]) subscriptions.remove(sessionId);
      openWindow();
    },
  };
  return subscriptions;
}
