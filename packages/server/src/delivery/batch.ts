import type { StoredEvent } from "../log/index.ts";

/**
 * What a subscription hands to its connection at once. Batches are shared between subscriptions that stand at the same
 * place, so what a transport makes of one is made once.
 */
export interface Batch {
  /** Whole wire frames (JSON text), in order. */
  readonly frames: readonly string[];
  /** The newest event in it: what a client that has stored the batch acknowledges; undefined for live text. */
  readonly lastSeq: number | undefined;
  /** The transport's place to keep the bytes it made. A slot, because a WeakMap of short-lived keys costs the collector dearly. */
  bytes: Buffer | undefined;
}

/** A page of events as they are. */
export function batchOf(events: readonly StoredEvent[]): Batch {
  return { frames: events.map((event) => event.frame), lastSeq: events.at(-1)?.seq, bytes: undefined };
}

/** A page of events that waited: each says since when. */
export function replayBatchOf(
  events: readonly StoredEvent[],
  options: { headAtStart: number; deliveredAt: string },
): Batch {
  const frames = events.map((event) =>
    event.seq > options.headAtStart
      ? event.frame
      : `${event.frame.slice(0, -1)},"queued":{"queuedAt":"${event.timestamp}","deliveredAt":"${options.deliveredAt}"}}`,
  );
  return { frames, lastSeq: events.at(-1)?.seq, bytes: undefined };
}
