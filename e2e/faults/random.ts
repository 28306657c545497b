/** Random choices that a seed repeats. */
export interface Random {
  /** 0 up to, not including, 1. */
  next(): number;
  /** An integer, both ends included. */
  between(min: number, max: number): number;
  pick<T>(from: readonly T[]): T;
  chance(probability: number): boolean;
  /** Another source that this one determines. */
  fork(): Random;
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const random: Random = {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
    between: (min, max) => min + Math.floor(random.next() * (max - min + 1)),
    pick(from) {
      const found = from[Math.floor(random.next() * from.length)];
      if (found === undefined) throw new Error("nothing to pick from");
      return found;
    },
    chance: (probability) => random.next() < probability,
    fork: () => createRandom(Math.floor(random.next() * 4_294_967_296)),
  };
  return random;
}
