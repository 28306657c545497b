/** A queue that one reader iterates: `push` never waits, the iteration ends after `close` once all was read. */
export interface Queue<T> extends AsyncIterable<T> {
  push(item: T): void;
  close(): void;
}

/** An unbounded queue; its writer bounds what goes in. Iterated by hand: a generator costs three promises an item. */
export function createQueue<T>(): Queue<T> {
  let items: T[] = [];
  let read = 0;
  let closed = false;
  let waiting: ((result: IteratorResult<T, undefined>) => void) | undefined;
  const end: IteratorResult<T, undefined> = { done: true, value: undefined };

  function take(): IteratorResult<T, undefined> | undefined {
    if (read < items.length) {
      const value = items[read] as T;
      read += 1;
      // Emptied at once rather than shifted: shifting a long array is quadratic.
      if (read === items.length) {
        items = [];
        read = 0;
      }
      return { done: false, value };
    }
    return closed ? end : undefined;
  }
  return {
    push(item) {
      if (closed) return;
      if (waiting === undefined) {
        items.push(item);
        return;
      }
      const give = waiting;
      waiting = undefined;
      give({ done: false, value: item });
    },
    close() {
      closed = true;
      waiting?.(end);
      waiting = undefined;
    },
    [Symbol.asyncIterator]: () => ({
      next() {
        const now = take();
        return now ? Promise.resolve(now) : new Promise((resolve) => (waiting = resolve));
      },
    }),
  };
}
