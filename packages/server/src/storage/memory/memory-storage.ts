import { randomUUID } from "node:crypto";
import {
  type Commit,
  type EventLog,
  frameOf,
  type Head,
  type SearchHit,
  type SearchIndex,
  type StoredEvent,
  searchableText,
} from "../../log/index.ts";
import { createRecords, type Records } from "../../records/index.ts";
import type { SeriesStore } from "../../telemetry/index.ts";
import type { Storage } from "../storage.ts";

type MemoryLog = { head: Head; events: StoredEvent[]; ids: Map<string, number> };

/** Log and records in memory, for tests and as the second implementation that keeps the interfaces honest. */
export function createMemoryStorage(options: { now?: () => number } = {}): Storage {
  const now = options.now ?? Date.now;
  const logs = new Map<string, MemoryLog>();
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  const collections = new Map<string, Map<string, { owner: string; value: string }>>();
  const records = createRecords({
    async find(collection, key) {
      const found = collections.get(collection)?.get(key);
      return found && JSON.parse(found.value);
    },
    async list(collection, owner) {
      const all = [...(collections.get(collection)?.values() ?? [])];
      return all
        .filter((record) => owner === undefined || record.owner === owner)
        .map((record) => JSON.parse(record.value));
    },
    async page(collection, owner, { before, limit }) {
      const own = [...(collections.get(collection) ?? [])].filter(
        ([key, record]) => record.owner === owner && (before === undefined || key < before),
      );
      const newestFirst = own.sort(([a], [b]) => (a < b ? 1 : -1));
      return newestFirst.slice(0, limit).map(([, record]) => JSON.parse(record.value));
    },
    async write(write) {
      applyRecord(write);
    },
  });

  function applyRecord({ collection, key, owner, value }: Commit["records"][number]): void {
    const rows = collections.get(collection) ?? new Map();
    collections.set(collection, rows);
    if (value === undefined) rows.delete(key);
    else rows.set(key, { owner, value: JSON.stringify(value) });
  }

  function append(sessionId: string, memory: MemoryLog, commit: Commit): { seq: number; isNew: boolean }[] {
    const stored: StoredEvent[] = [];
    const results = commit.events.map(({ id, event }) => {
      const known = id === undefined ? undefined : memory.ids.get(id);
      if (known !== undefined) return { seq: known, isNew: false };
      const seq = ++memory.head.lastSeq;
      if (id !== undefined) memory.ids.set(id, seq);
      const timestamp = new Date(now()).toISOString();
      const frame = frameOf({ sessionId, seq, type: event.type, timestamp, data: JSON.stringify(event.data) });
      stored.push({ sessionId, seq, type: event.type, timestamp, frame });
      return { seq, isNew: true };
    });
    if (stored.length > 0 || commit.events.length === 0) for (const write of commit.records) applyRecord(write);
    memory.events.push(...stored);
    if (stored.length > 0) for (const listener of listeners) listener(stored);
    return results;
  }

  const log: EventLog = {
    async writer(sessionId) {
      const memory = logs.get(sessionId) ?? {
        head: { epoch: randomUUID(), firstSeq: 1, lastSeq: 0 },
        events: [],
        ids: new Map(),
      };
      logs.set(sessionId, memory);
      return { append: async (commit) => append(sessionId, memory, commit), async close() {} };
    },
    async read(sessionId, after, limit) {
      const page: StoredEvent[] = [];
      let bytes = 0;
      for (const event of logs.get(sessionId)?.events ?? []) {
        if (event.seq <= after) continue;
        if (page.length >= limit.events || (page.length > 0 && bytes + event.frame.length > limit.bytes)) break;
        bytes += event.frame.length;
        page.push(event);
      }
      return page;
    },
    async head(sessionId) {
      const head = logs.get(sessionId)?.head;
      return head && { ...head };
    },
    async trim(sessionId, limits) {
      const memory = logs.get(sessionId);
      if (memory === undefined) return undefined;
      let bytes = memory.events.reduce((sum, event) => sum + event.frame.length, 0);
      while (memory.events.length > limits.keepEvents) {
        const [oldest] = memory.events;
        if (oldest === undefined || (Date.parse(oldest.timestamp) >= limits.before && bytes <= limits.bytesMax)) break;
        bytes -= oldest.frame.length;
        memory.head.firstSeq = oldest.seq + 1;
        memory.events.shift();
      }
      return { ...memory.head };
    },
    async erase(sessionId) {
      logs.delete(sessionId);
    },
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const search: SearchIndex = {
    async search({ words, sessions, limit, offset }) {
      const hits = sessions.flatMap((sessionId) =>
        (logs.get(sessionId)?.events ?? []).flatMap(({ seq, type, timestamp, frame }): SearchHit[] => {
          const text = searchableText(JSON.parse(frame));
          const found = words.map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "iu").exec(text));
          if (words.length === 0 || found.includes(null)) return [];
          const highlights = found.flatMap((match): SearchHit["highlights"] =>
            match === null ? [] : [[match.index, match.index + match[0].length]],
          );
          return [{ sessionId, seq, type, timestamp, text, highlights: highlights.sort(([a], [b]) => a - b) }];
        }),
      );
      return hits.slice(offset, offset + limit);
    },
  };
  const rows = new Map<string, { step: number; at: number; values: string }>();
  const series: SeriesStore = {
    async write(step, at, values) {
      rows.set(`${step}/${at}`, { step, at, values });
    },
    async read(step, { from, to, key }) {
      const all = [...rows.values()].filter((row) => row.step === step && row.at >= from && row.at < to);
      return all
        .sort((a, b) => a.at - b.at)
        .flatMap(({ at, values }) => {
          if (key === undefined) return [{ at, values }];
          const value = JSON.parse(values)[key];
          return value === undefined ? [] : [{ at, values: JSON.stringify(value) }];
        });
    },
    async prune(step, before) {
      for (const [id, row] of rows) if (row.step === step && row.at < before) rows.delete(id);
    },
  };
  return {
    log,
    series,
    search,
    records: records satisfies Records,
    waiting: 0,
    trouble: undefined,
    onTrouble: () => () => {},
    async check() {},
    async close() {},
  };
}
