import type { EventLog, Trim } from "./event-log.ts";

/** Forgets old events of one session after the other, now and then. */
export interface Retention {
  /** Trims all sessions now. */
  run(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param options.sessions the sessions to look at, in any order
 * @param options.limits what to keep; `ageMs` counts back from now
 * @param options.schedule calls back now and then and returns how to stop it
 */
export function createRetention(options: {
  log: Pick<EventLog, "trim" | "head">;
  sessions: () => Promise<readonly string[]>;
  limits: { ageMs: number; bytesMax: number; keepEvents: number };
  now: () => number;
  schedule: (run: () => void) => () => void;
  onExpired: (events: number) => void;
  onError: (error: unknown) => void;
}): Retention {
  let running: Promise<void> | undefined;
  let closed = false;
  async function trimAll(): Promise<void> {
    const { ageMs, bytesMax, keepEvents } = options.limits;
    for (const sessionId of await options.sessions()) {
      if (closed) return;
      const limits: Trim = { before: options.now() - ageMs, bytesMax, keepEvents };
      const before = await options.log.head(sessionId);
      const after = await options.log.trim(sessionId, limits);
      const expired = (after?.firstSeq ?? 0) - (before?.firstSeq ?? 0);
      if (after && before && expired > 0) options.onExpired(expired);
    }
  }
  const run = () => {
    running ??= trimAll().finally(() => {
      running = undefined;
    });
    return running;
  };
  const stop = options.schedule(() => void run().catch(options.onError));
  return {
    run,
    async close() {
      closed = true;
      stop();
      await running?.catch(() => {});
    },
  };
}
