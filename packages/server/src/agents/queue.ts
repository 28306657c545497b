/** A queue that one reader iterates: `push` never waits, the iteration ends after `close` once all was read. */
export interface Queue<T> extends AsyncIterable<T> {
  push(item: T): void;
  close(): void;
}

/** An unbounded queue; its writer bounds what goes in. */
export function createQueue<T>(): Queue<T> {
  const items: T[] = [];
  let closed = false;
  let wake: (() => void) | undefined;
  const signal = () => {
    wake?.();
    wake = undefined;
  };
  return {
    push(item) {
      if (closed) return;
      items.push(item);
      signal();
    },
    close() {
      closed = true;
      signal();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        // Swapped out rather than shifted: shifting a long array is quadratic.
        const batch = items.splice(0);
        yield* batch;
        if (items.length > 0) continue;
        if (closed) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
