/** Whether appends fail: told when it begins, over when one succeeds. */
export interface Trouble {
  readonly current: string | undefined;
  failed(message: string): void;
  succeeded(): void;
  watch(listener: (message: string) => void): () => void;
}

export function createTrouble(): Trouble {
  const listeners = new Set<(message: string) => void>();
  let current: string | undefined;
  return {
    get current() {
      return current;
    },
    failed(message) {
      const begins = current === undefined;
      current = message;
      if (begins) for (const listener of listeners) listener(message);
    },
    succeeded() {
      current = undefined;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
