/**
 * Where a client keeps what must outlive it: its device id, positions and unsent messages. Values are plain JSON data.
 * `createMemory` forgets with the process, `openIndexedDb` does not; an app may bring its own.
 */
export interface Storage {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
  /** All entries whose key begins with `prefix`, in the order of their keys. */
  list(prefix: string): Promise<{ key: string; value: unknown }[]>;
}
