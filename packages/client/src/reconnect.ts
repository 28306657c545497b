const firstMs = 500;
const maxMs = 30_000;
const hiddenMaxMs = 5 * 60_000;

/**
 * How long to wait before the next attempt to connect: none before the first, then exponential with full jitter, so that
 * thousands of clients do not come back at the same moment.
 * @param options.attempt failed attempts so far
 * @param options.isHidden nobody looks: there is no hurry
 * @param options.random 0 to 1
 */
export function reconnectDelayMs(options: { attempt: number; isHidden: boolean; random: number }): number {
  if (options.attempt === 0) return 0;
  const ceiling = Math.min(firstMs * 2 ** options.attempt, options.isHidden ? hiddenMaxMs : maxMs);
  return Math.round(firstMs / 2 + options.random * (ceiling - firstMs / 2));
}
