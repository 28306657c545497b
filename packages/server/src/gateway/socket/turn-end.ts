/** Runs things at the end of this turn of the event loop: what came together leaves together. */
export interface TurnEnd {
  defer(run: () => void): void;
}

/** One `setImmediate` a turn, however many wait for it. */
export function createTurnEnd(): TurnEnd {
  let waiting: (() => void)[] = [];
  const runAll = () => {
    const now = waiting;
    waiting = [];
    for (const run of now) run();
  };
  return {
    defer(run) {
      if (waiting.length === 0) setImmediate(runAll);
      waiting.push(run);
    },
  };
}
