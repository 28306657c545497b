import type { Clock } from "../clock.ts";

/** A token bucket: so many a second, bursts of some seconds' worth. */
export interface Bucket {
  /** Takes one. @returns 0 when there was one, else the seconds until there is */
  take(): number;
}

const burstSeconds = 4;

/** @param options.perSecond how fast it fills */
export function createBucket(options: { perSecond: number; clock: Pick<Clock, "monotonicMs"> }): Bucket {
  const { perSecond, clock } = options;
  const full = Math.max(1, perSecond * burstSeconds);
  let tokens = full;
  let filledAt = clock.monotonicMs();
  return {
    take() {
      const now = clock.monotonicMs();
      tokens = Math.min(full, tokens + ((now - filledAt) / 1_000) * perSecond);
      filledAt = now;
      if (tokens < 1) return (1 - tokens) / perSecond;
      tokens -= 1;
      return 0;
    },
  };
}

/** Counts what is open, in all and by address. */
export interface Places {
  /** A function that gives the place back, or which limit was met. */
  take(address: string): (() => void) | "total" | "address";
  readonly taken: number;
}

/** @param options.total most in all */
export function createPlaces(options: { total: number; perAddress: number }): Places {
  const byAddress = new Map<string, number>();
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    take(address) {
      const here = byAddress.get(address) ?? 0;
      if (taken >= options.total) return "total";
      if (here >= options.perAddress) return "address";
      taken += 1;
      byAddress.set(address, here + 1);
      let given = true;
      return () => {
        if (!given) return;
        given = false;
        taken -= 1;
        const left = (byAddress.get(address) ?? 1) - 1;
        if (left === 0) byAddress.delete(address);
        else byAddress.set(address, left);
      };
    },
  };
}
