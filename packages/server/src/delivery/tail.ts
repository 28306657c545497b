import type { StoredEvent } from "../log/index.ts";
import { type Page, pageOf } from "./batch.ts";

const eventsMax = 128;
const bytesMax = 128 * 1024;
const pageBytesMax = 64 * 1024;

/** The newest events of one session, in memory, so that those who are near the head need no database. */
export interface Tail {
  push(events: readonly StoredEvent[]): void;
  /** The newest position that it has seen. */
  readonly lastSeq: number;
  /** What follows a position: a page of events, nothing, or undefined for "read the log". */
  after(seq: number): Page | "nothing" | undefined;
}

/** @param lastSeq where the log stood when the tail was begun */
export function createTail(lastSeq: number): Tail {
  let events: StoredEvent[] = [];
  let bytes = 0;
  let newest = lastSeq;
  /** All who are at the same position get the same page; in a burst that is everybody. */
  const pages = new Map<number, Page>();

  function pageAt(start: number): readonly StoredEvent[] {
    let size = 0;
    let end = start;
    while (end < events.length && (end === start || size + (events[end]?.frame.length ?? 0) <= pageBytesMax)) {
      size += events[end]?.frame.length ?? 0;
      end += 1;
    }
    return events.slice(start, end);
  }

  return {
    get lastSeq() {
      return newest;
    },
    push(more) {
      pages.clear();
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
      const known = pages.get(seq);
      if (known) return known;
      const first = events[0]?.seq;
      if (first === undefined || seq < first - 1) return undefined;
      const made = pageOf(pageAt(seq - first + 1));
      pages.set(seq, made);
      return made;
    },
  };
}
