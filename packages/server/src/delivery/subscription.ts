import { type Batch, batchOf, liveBatchOf, type Page, replayBatchOf, replayPageOf } from "./batch.ts";
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
  read(after: number): Promise<Page>;
  /** Undefined when the log is gone. */
  head(): Promise<{ epoch: string; firstSeq: number; lastSeq: number } | undefined>;
}

/** A cursor: one client's place in one session's log. */
export interface Subscription {
  readonly sessionId: string;
  readonly epoch: string;
  /** What to tell the client when it subscribes. */
  readonly start: { firstSeq: number; lastSeq: number; after: number };
  /**
   * What comes next, at once: everything after the start, then everything that follows.
   * @returns undefined: nothing is new, a wake will tell; a promise: it is being read from the log, ask again then
   */
  next(): Batch | Promise<void> | undefined;
  /** Calls back when something is new: events or text. Carries no data. One listener. */
  onWake(listener: () => void): void;
  wake(): void;
  /** The same as an iteration, until `close`. For those who need no more speed than promises give. */
  batches(): AsyncGenerator<Batch, void>;
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
  /** Made and not yet handed out. */
  let ready: Batch[] = options.gap ? [gapBatch(options.gap, head.firstSeq)] : [];
  let position = options.after;
  let closed = false;
  let listener: (() => void) | undefined;

  function gapBatch(gap: GapNotice, firstSeq: number): Batch {
    const data = JSON.stringify({ ...gap, epoch: head.epoch, firstSeq });
    return {
      frames: [`{"type":"gap","sessionId":"${source.sessionId}","timestamp":"${options.now()}","data":${data}}`],
      lastSeq: undefined,
      bytes: undefined,
    };
  }

  function batchFor(page: Page): Batch {
    const { events } = page;
    const wanted =
      types === undefined ? events : events.filter((event) => types.has(event.type) || alwaysSent.has(event.type));
    const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
    if (first > head.lastSeq) return wanted === events ? liveBatchOf(page) : batchOf(wanted);
    if (wanted === events && last <= head.lastSeq) return replayPageOf(page, options.now());
    return replayBatchOf(wanted, { headAtStart: head.lastSeq, deliveredAt: options.now() });
  }

  /** Moves on over a page that follows the position. @returns undefined when the filter leaves nothing of it */
  function pass(page: Page): Batch | undefined {
    const batch = batchFor(page);
    position = page.events.at(-1)?.seq ?? position;
    return batch.frames.length > 0 ? batch : undefined;
  }
  async function readOn(): Promise<void> {
    const page = await source.read(position);
    if (page.events[0]?.seq === position + 1) {
      const batch = pass(page);
      if (batch) ready.push(batch);
      return;
    }
    // What was to come next has been forgotten meanwhile: say so, then go on where the log begins.
    const firstSeq = (await source.head())?.firstSeq ?? position + 1;
    if (firstSeq <= position + 1) return;
    ready.push(gapBatch({ fromSeq: position + 1, toSeq: firstSeq - 1, reason: "expired" }, firstSeq));
    position = firstSeq - 1;
  }

  const subscription: Subscription = {
    sessionId: source.sessionId,
    epoch: head.epoch,
    start: { firstSeq: head.firstSeq, lastSeq: head.lastSeq, after: options.after },
    /*
     * Replay, live delivery and slow clients are this one function. The subscription was registered with the hub before
     * it read anything, a wake carries no data, and whoever asks goes on asking until there is nothing: an event that
     * comes meanwhile is found, one that comes later wakes. Nothing is buffered for a client but its position.
     */
    next() {
      while (!closed) {
        const made = ready.shift();
        if (made) return made;
        if (wantsText && !source.live.isEmpty) ready = source.live.take(position, offsets);
        if (ready.length > 0) continue;
        const recent = source.tail?.after(position);
        if (recent === "nothing") return undefined;
        if (recent === undefined || recent.events[0]?.seq !== position + 1) return readOn();
        const batch = pass(recent);
        if (batch) return batch;
      }
      return undefined;
    },
    onWake(called) {
      listener = called;
    },
    wake: () => listener?.(),
    async *batches() {
      let woken = Promise.withResolvers<void>();
      subscription.onWake(() => woken.resolve());
      while (!closed) {
        const next: Batch | Promise<void> | undefined = subscription.next();
        if (next instanceof Promise) await next;
        else if (next !== undefined) yield next;
        else {
          await woken.promise;
          woken = Promise.withResolvers<void>();
        }
      }
    },
    close() {
      if (closed) return;
      closed = true;
      listener?.();
      options.onClose(subscription);
    },
  };
  return subscription;
}
