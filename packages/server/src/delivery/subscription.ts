import type { StoredEvent } from "../log/index.ts";
import { type Batch, batchOf, replayBatchOf } from "./batch.ts";
import type { LiveOffsets, LiveText } from "./live-text.ts";
import type { Tail } from "./tail.ts";

/** These reach every subscriber, whatever it filters. */
const alwaysSent: ReadonlySet<string> = new Set(["error", "sessionStatus"]);

/** Where a subscription reads: one session of the hub. */
export interface Source {
  readonly sessionId: string;
  /** The newest events; undefined once nobody follows any more. */
  readonly tail: Tail | undefined;
  readonly live: LiveText;
  read(after: number): Promise<readonly StoredEvent[]>;
  /** Undefined when the log is gone. */
  head(): Promise<{ epoch: string; firstSeq: number; lastSeq: number } | undefined>;
}

/** A cursor: one client's place in one session's log. */
export interface Subscription {
  readonly sessionId: string;
  readonly epoch: string;
  /** What to tell the client when it subscribes. */
  readonly start: { firstSeq: number; lastSeq: number; after: number };
  /** Everything after the start, then everything that follows, until `close`. May be iterated once. */
  batches(): AsyncGenerator<Batch, void>;
  /** Something is new: events or text. Carries no data. */
  wake(): void;
  close(): void;
}

/** A gap to tell the client of before anything else. */
export interface GapNotice {
  fromSeq: number;
  toSeq: number;
  reason: "expired" | "reset";
}

/**
 * @param options.after the position to go on from
 * @param options.types names of events to send; undefined sends all
 * @param options.gap what the client has to be told first
 * @param options.onClose called once
 */
export function createSubscription(options: {
  source: Source;
  head: { epoch: string; firstSeq: number; lastSeq: number };
  after: number;
  gap: GapNotice | undefined;
  types: ReadonlySet<string> | undefined;
  now: () => string;
  onClose: (subscription: Subscription) => void;
}): Subscription {
  const { source, head, types } = options;
  const wantsText = types === undefined || types.has("streamData");
  const offsets: LiveOffsets = new Map();
  let position = options.after;
  let closed = false;
  let awake = true;
  let resume: (() => void) | undefined;

  const gapBatch = (gap: GapNotice, firstSeq: number): Batch => {
    const data = JSON.stringify({ ...gap, epoch: head.epoch, firstSeq });
    return {
      frames: [`{"type":"gap","sessionId":"${source.sessionId}","timestamp":"${options.now()}","data":${data}}`],
      lastSeq: undefined,
    };
  };

  function batchFor(events: readonly StoredEvent[], shared: Batch | undefined): Batch {
    const wanted =
      types === undefined ? events : events.filter((event) => types.has(event.type) || alwaysSent.has(event.type));
    const waited = (events[0]?.seq ?? 0) <= head.lastSeq;
    if (waited) return replayBatchOf(wanted, { headAtStart: head.lastSeq, deliveredAt: options.now() });
    return wanted === events && shared ? shared : batchOf(wanted);
  }

  const subscription: Subscription = {
    sessionId: source.sessionId,
    epoch: head.epoch,
    start: { firstSeq: head.firstSeq, lastSeq: head.lastSeq, after: options.after },
    wake() {
      awake = true;
      resume?.();
      resume = undefined;
    },
    close() {
      if (closed) return;
      closed = true;
      subscription.wake();
      options.onClose(subscription);
    },
    /*
     * Replay, live delivery and slow clients are this one loop. It was registered with the hub before it read anything,
     * a wake carries no data, and it sleeps only after it found nothing: an event that comes between reading and
     * sleeping has left `awake` set. Nothing is buffered for a client but its position.
     */
    async *batches() {
      if (options.gap) yield gapBatch(options.gap, head.firstSeq);
      while (!closed) {
        awake = false;
        if (wantsText) yield* source.live.take(position, offsets);
        const recent = source.tail?.after(position);
        if (recent === "nothing") {
          if (!awake && !closed) await new Promise<void>((resolve) => (resume = resolve));
          continue;
        }
        const events = recent?.events ?? (await source.read(position));
        const first = events[0]?.seq;
        if (closed) return;
        if (first === undefined || first > position + 1) {
          // What was to come next has been forgotten meanwhile: say so, then go on where the log begins.
          const now = await source.head();
          const firstSeq = now?.firstSeq ?? position + 1;
          if (firstSeq > position + 1) {
            yield gapBatch({ fromSeq: position + 1, toSeq: firstSeq - 1, reason: "expired" }, firstSeq);
            position = firstSeq - 1;
          }
          continue;
        }
        const batch = batchFor(events, recent?.batch);
        position = events.at(-1)?.seq ?? position;
        if (batch.frames.length > 0) yield batch;
      }
    },
  };
  return subscription;
}
