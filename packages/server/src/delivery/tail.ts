import type { StoredEvent } from "../log/index.ts";
import { type Batch, batchOf } from "./batch.ts";

const eventsMax = 128;
const bytesMax = 128 * 1024;

/** The newest events of one session, in memory, so that those who are near the head need no database. */
export interface Tail {
  push(events: readonly StoredEvent[]): void;
  /** The newest position that it has seen. */
  readonly lastSeq: number;
  /** What follows a position, if all of it is here: events, none, or undefined for "read the log". */
  after(seq: number): { events: readonly StoredEvent[]; batch: Batch } | "nothing" | undefined;
}

/** @param lastSeq where the log stood when the tail was begun */
export function createTail(lastSeq: number): Tail {
  let events: StoredEvent[] = [];
  let bytes = 0;
  let newest = lastSeq;
  /** All who were at the same position get the same batch; in a burst that is everybody. */
  let shared: { after: number; upTo: number; events: readonly StoredEvent[]; batch: Batch } | undefined;
  return {
    get lastSeq() {
      return newest;
    },
    push(more) {
      for (const event of more) {
        if (event.seq <= newest) continue;
        if (event.seq !== newest + 1) {
          // Cannot be told what came between: forget, the log knows.
          events = [];
          bytes = 0;
        }
        newest = event.seq;
        events.push(event);
        bytes += event.frame.length;
      }
      if (events.length <= eventsMax && bytes <= bytesMax) return;
      let drop = 0;
      // What has just come stays: everybody is about to ask for it.
      while (drop < events.length - more.length && (events.length - drop > eventsMax / 2 || bytes > bytesMax / 2)) {
        bytes -= events[drop]?.frame.length ?? 0;
        drop += 1;
      }
      events = events.slice(drop);
    },
    after(seq) {
      if (seq >= newest) return "nothing";
      if (shared?.after === seq && shared.upTo === newest) return shared;
      const first = events[0]?.seq;
      if (first === undefined || seq < first - 1) return undefined;
      const page = events.slice(seq - first + 1);
      shared = { after: seq, upTo: newest, events: page, batch: batchOf(page) };
      return shared;
    },
  };
}
