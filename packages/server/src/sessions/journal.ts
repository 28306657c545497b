import type { StreamData } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Hub } from "../delivery/index.ts";
import type { Commit, LogWriter } from "../log/index.ts";

type Delta = Omit<z.infer<typeof StreamData>, "offset">;
type Stored = { seq: number; isNew: boolean }[];
type CommitEntry = {
  commit: Commit;
  /** Shares its transaction with no other commit of this session. */
  alone: boolean;
  /** A person waits for the outcome; undefined: the agent's, which nobody waits for. */
  asker: { resolve: (stored: Stored) => void; reject: (error: unknown) => void } | undefined;
};
type Entry = CommitEntry | { delta: Delta } | { mark: () => void };

const retryMs = [200, 500, 1_000, 2_000, 5_000];
const depthMax = 512;

/**
 * The order in which one session tells things: events go into the log, live text beside it, and neither overtakes the
 * other. What comes in while a commit runs goes into the next one.
 */
export interface Journal {
  /**
   * Stores what a person asked for.
   * @throws CompanionError `STORAGE_FAILED`: nothing was stored, the person decides what to do
   */
  commit(commit: Commit): Promise<Stored>;
  /**
   * Stores what the agent did. It has happened, so it is tried until it is stored or the journal is closed. `alone`: its
   * records must not be written when its events were known, whatever came with it.
   */
  record(commit: Commit, how?: { alone: boolean }): void;
  /** Live text, told after everything that was recorded before it. */
  text(delta: Delta): void;
  /** Calls back once all that was recorded before is stored; never, if some of it could not be. */
  mark(onStored: () => void): void;
  /** Undefined: there is room; else resolves when there is. Whoever reads the agent waits here, and so does the agent in the end. */
  room(): Promise<void> | undefined;
  /** Resolves when all that came in so far has been told. */
  settled(): Promise<void>;
  /** The newest position that was stored. */
  readonly lastSeq: number;
  /** Waits for what is under way (what fails is given up), then refuses. */
  close(): Promise<void>;
}

/** An agent says several things in one breath; they share one commit, and one write to each device. */
const afterThisTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** @param options.onStorageFailed told of each failed attempt to store what the agent did */
export function createJournal(options: {
  sessionId: string;
  writer: LogWriter;
  hub: Pick<Hub, "stream">;
  clock: Clock;
  lastSeq: number;
  onStorageFailed: (error: unknown) => void;
}): Journal {
  const { writer, hub, clock } = options;
  let queue: Entry[] = [];
  let working: Promise<void> | undefined;
  let lastSeq = options.lastSeq;
  let failures = 0;
  let closing = false;
  let gaveUp = false;
  let stopWaiting: (() => void) | undefined;
  let roomWaiters: (() => void)[] = [];

  async function append(commit: Commit): Promise<Stored> {
    const stored = await writer.append(commit);
    for (const { seq } of stored) if (seq > lastSeq) lastSeq = seq;
    return stored;
  }

  /** The commits at the front of the queue that may share one transaction. */
  function takeTogether(): CommitEntry[] {
    const together: CommitEntry[] = [];
    for (const entry of queue) {
      if (!("commit" in entry)) break;
      // A person's commit stands alone: it must be able to fail alone, and its records depend on its events being new.
      if (together.length > 0 && (entry.alone || together[0]?.alone)) break;
      together.push(entry);
    }
    queue = queue.slice(together.length);
    return together;
  }

  async function store(entries: CommitEntry[]): Promise<void> {
    const [first] = entries;
    const commit =
      entries.length === 1 && first
        ? first.commit
        : {
            events: entries.flatMap((entry) => entry.commit.events),
            records: entries.flatMap((entry) => entry.commit.records),
          };
    for (;;) {
      // In order or not at all: what comes after would stand before what was given up.
      if (gaveUp && first?.asker === undefined) return;
      try {
        const stored = await append(commit);
        failures = 0;
        // Those whom a person waits for stand alone.
        first?.asker?.resolve(stored);
        return;
      } catch (error) {
        if (first?.asker) return first.asker.reject(error);
        options.onStorageFailed(error);
        // An agent that goes on says it again to the next server.
        if (closing) {
          gaveUp = true;
          return;
        }
        const wait = retryMs[Math.min(failures++, retryMs.length - 1)] ?? 1_000;
        await new Promise<void>((resolve) => {
          const cancel = clock.after(wait, resolve);
          stopWaiting = () => {
            cancel();
            resolve();
          };
        });
      }
    }
  }

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const first = queue[0];
      if (first && "delta" in first) {
        queue.shift();
        hub.stream(options.sessionId, first.delta, lastSeq);
      } else if (first && "mark" in first) {
        queue.shift();
        if (!gaveUp) first.mark();
      } else await store(takeTogether());
      if (queue.length < depthMax) {
        const waiters = roomWaiters;
        roomWaiters = [];
        for (const resolve of waiters) resolve();
      }
    }
    working = undefined;
  }
  function enqueue(entry: CommitEntry): void {
    queue.push(entry);
    working ??= afterThisTurn().then(work);
  }

  return {
    get lastSeq() {
      return lastSeq;
    },
    // While the disk refuses the agent's events a person must not wait behind them: the own attempt tells at once.
    commit: (commit) =>
      failures > 0
        ? append(commit)
        : new Promise((resolve, reject) => enqueue({ commit, alone: true, asker: { resolve, reject } })),
    record: (commit, how) => enqueue({ commit, alone: how?.alone ?? false, asker: undefined }),
    text(delta) {
      // Nothing before it is under way: the common case while an agent writes, and free of promises.
      if (working === undefined) return hub.stream(options.sessionId, delta, lastSeq);
      queue.push({ delta });
    },
    mark(onStored) {
      if (working !== undefined) queue.push({ mark: onStored });
      else if (!gaveUp) onStored();
    },
    room: () => (queue.length < depthMax ? Promise.resolve() : new Promise((resolve) => roomWaiters.push(resolve))),
    settled: async () => working,
    async close() {
      closing = true;
      stopWaiting?.();
      await working;
      await writer.close();
    },
  };
}
