/** Wall time and timers as a dependency, so that tests can hold the clock. */
export interface Clock {
  /** Milliseconds since 1970, for time stamps. */
  now(): number;
  /** Monotonic milliseconds, for measuring and waiting. */
  monotonicMs(): number;
  /** Calls `run` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, run) {
    // setTimeout takes 31 bits of milliseconds; a longer wait would fire at once.
    const timer = setTimeout(run, Math.min(ms, 2_147_483_647));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** ISO 8601 with milliseconds in UTC, as on the wire. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** Calls `run` again and again, `ms` after it last returned; the returned function stops it. */
export function every(clock: Pick<Clock, "after">, ms: number, run: () => void): () => void {
  let cancel = clock.after(ms, again);
  function again(): void {
    run();
    cancel = clock.after(ms, again);
  }
  return () => cancel();
}

/** Resolves when `work` has, or after `ms` if that takes longer; what failed is thrown. */
export async function atMost(clock: Pick<Clock, "after">, ms: number, work: Promise<unknown>): Promise<void> {
  const patience = Promise.withResolvers<void>();
  const cancel = clock.after(ms, patience.resolve);
  try {
    await Promise.race([work, patience.promise]);
  } finally {
    cancel();
  }
}

/** Most that wall and monotonic time may drift apart between two looks. */
const jumpMs = 10 * 60_000;
/** What a jump makes doubtful stays doubtful for so long: time for a person to notice a wrong clock. */
const doubtMs = 24 * 3_600_000;

/**
 * Whether the wall clock may be trusted with forgetting things for good. It is not for a day after it jumped: a wrong
 * date would make everything look old. A machine that slept looks the same, and loses nothing by waiting.
 * @returns to be asked now and then
 */
export function createClockTrust(
  clock: Pick<Clock, "now" | "monotonicMs">,
  onJump: (byMs: number) => void,
): () => boolean {
  let last = { wall: clock.now(), monotonic: clock.monotonicMs() };
  let trustedFrom = last.monotonic;
  return () => {
    const now = { wall: clock.now(), monotonic: clock.monotonicMs() };
    const byMs = now.wall - last.wall - (now.monotonic - last.monotonic);
    last = now;
    if (Math.abs(byMs) > jumpMs) {
      trustedFrom = now.monotonic + doubtMs;
      onJump(byMs);
    }
    return now.monotonic >= trustedFrom;
  };
}
