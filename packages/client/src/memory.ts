import type { Storage } from "./storage.ts";

/** A storage that lasts as long as the process. */
export function createMemory(): Storage {
  const entries = new Map<string, string>();
  const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return {
    get: async (key) => parsed(entries.get(key)),
    async set(key, value) {
      entries.set(key, JSON.stringify(value));
    },
    async remove(key) {
      entries.delete(key);
    },
    async list(prefix) {
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).sort((a, b) => (a < b ? -1 : 1));
      return keys.map((key) => ({ key, value: parsed(entries.get(key)) }));
    },
  };
}
