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

/** Events in a row. Those who stand before the same page share it, and what is made of it. */
export interface Page {
  readonly events: readonly StoredEvent[];
  live: Batch | undefined;
  replay: { made: string; batch: Batch } | undefined;
}

export const pageOf = (events: readonly StoredEvent[]): Page => ({ events, live: undefined, replay: undefined });

/** A page as it is. */
export function liveBatchOf(page: Page): Batch {
  page.live ??= batchOf(page.events);
  return page.live;
}

/** Events that are nobody else's. */
export function batchOf(events: readonly StoredEvent[]): Batch {
  return { frames: events.map((event) => event.frame), lastSeq: events.at(-1)?.seq, bytes: undefined };
}

/** A page whose events all waited. A storm of clients that come back within a tenth of a second gets the same bytes. */
export function replayPageOf(page: Page, deliveredAt: string): Batch {
  const made = deliveredAt.slice(0, tenthOfSecond);
  if (page.replay?.made !== made) {
    const { events } = page;
    page.replay = { made, batch: replayBatchOf(events, { headAtStart: events.at(-1)?.seq ?? 0, deliveredAt }) };
  }
  return page.replay.batch;
}
/** `2026-11-25T04:00:00.1`, of an ISO time. */
const tenthOfSecond = 21;

/** Events that waited, up to the head at the start: each says since when. */
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
