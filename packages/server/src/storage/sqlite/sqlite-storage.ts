import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { CompanionError, type DurableType } from "@claude-companion/protocol";
import {
  type EventLog,
  frameOf,
  type Head,
  type RecordWrite,
  type SearchHit,
  type SearchIndex,
  type StoredEvent,
} from "../../log/index.ts";
import { messageOf } from "../../message-of.ts";
import { createRecords } from "../../records/index.ts";
import type { SeriesStore } from "../../telemetry/index.ts";
import type { Storage } from "../storage.ts";
import { createTrouble } from "../trouble.ts";
import { acquireLock } from "./lock.ts";
import {
  type EventColumns,
  packWrites,
  type ReadOperation,
  type StoredRecordWrite,
  type WriteOperation,
} from "./operations.ts";
import { setAsideIfDamaged } from "./set-aside.ts";
import { startThread } from "./thread.ts";

const checkpointEveryMs = 5_000;
/** Events that are made searchable in one go: no append waits longer than for these. */
const indexEvents = 500;
/** Measuring each append would cost more than some of them take. */
const sampleEvery = 16;

/**
 * Log and records in one SQLite file, worked by two threads: one writes (group commit), one reads beside it.
 * @param options.path the database file; its folder is made
 * @param options.onCommitted told how long an append took, one of sixteen
 * @throws CompanionError `STORAGE_FAILED` with what to do about it
 */
export async function openSqliteStorage(options: {
  path: string;
  now?: () => number;
  onCommitted?: (event: { waitedMs: number }) => void;
}): Promise<Storage> {
  const now = options.now ?? Date.now;
  await mkdir(dirname(options.path), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new CompanionError(
      "STORAGE_FAILED",
      `${dirname(options.path)} cannot be made (${String(error)}). Set DATA_DIR to a folder that you can write.`,
    );
  });
  const extension = import.meta.filename.endsWith(".ts") ? "ts" : "js";
  const file = (name: string) => new URL(`./${name}-thread.${extension}`, import.meta.url);
  await using opening = new AsyncDisposableStack();
  const lock = acquireLock(options.path);
  opening.defer(() => lock.release());
  const aside = setAsideIfDamaged(options.path, new Date(now()).toISOString().replaceAll(":", "-"));
  const damage =
    aside &&
    `The database was damaged. It was set aside as ${aside}, untouched, and a new one begun: restore a backup with \`claude-companion restore\`, or go on.`;
  const trouble = createTrouble();
  const writer = await startThread<WriteOperation>({
    file: file("writer"),
    path: options.path,
    batchMax: 4_096,
    pack: packWrites,
  });
  opening.defer(() => writer.close());
  const reader = await startThread<ReadOperation>({ file: file("reader"), path: options.path, batchMax: 16 });
  opening.defer(() => reader.close());
  let appends = 0;
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  const checkpoints = setInterval(() => void reader.call({ kind: "checkpoint" }).catch(() => {}), checkpointEveryMs);
  checkpoints.unref();
  opening.defer(() => clearInterval(checkpoints));

  const log: EventLog = {
    async writer(sessionId) {
      await writer.call({ kind: "begin", sessionId, epoch: randomUUID() });
      return {
        async append({ events, records }) {
          const timestamp = now();
          const startedAt = performance.now();
          const rows = events.map(({ id, event }) => ({
            id: id ?? null,
            type: event.type,
            data: JSON.stringify(event.data),
          }));
          const seqs = await writer
            .call<number[]>({ kind: "append", sessionId, timestamp, events: rows, records: records.map(storedWrite) })
            .catch((error: unknown) => {
              trouble.failed(messageOf(error));
              throw error;
            });
          trouble.succeeded();
          appends += 1;
          if (appends % sampleEvery === 0) options.onCommitted?.({ waitedMs: performance.now() - startedAt });
          const stored: StoredEvent[] = [];
          const iso = new Date(timestamp).toISOString();
          seqs.forEach((seq, i) => {
            const row = rows[i];
            if (seq < 0 || row === undefined) return;
            const { type, data } = row;
            stored.push({
              sessionId,
              seq,
              type: type as DurableType,
              timestamp: iso,
              frame: frameOf({ sessionId, seq, type, timestamp: iso, data }),
            });
          });
          // Stored before it is told to anybody. Replies come in the order of commits, so do these calls.
          if (stored.length > 0) for (const listener of listeners) listener(stored);
          return seqs.map((seq) => ({ seq: Math.abs(seq), isNew: seq > 0 }));
        },
        close: () => writer.call({ kind: "release", sessionId }),
      };
    },
    async read(sessionId, after, limit) {
      const columns = await reader.call<EventColumns>({ kind: "read", sessionId, after, ...limit });
      return columns.seqs.map((seq, i) => {
        const type = columns.types[i] as DurableType;
        const timestamp = new Date(columns.timestamps[i] ?? 0).toISOString();
        return {
          sessionId,
          seq,
          type,
          timestamp,
          frame: frameOf({ sessionId, seq, type, timestamp, data: columns.data[i] ?? "null" }),
        };
      });
    },
    head: async (sessionId) => (await reader.call<Head | null>({ kind: "head", sessionId })) ?? undefined,
    async trim(sessionId, limits) {
      if ((await log.head(sessionId)) === undefined) return undefined;
      await writer.call({ kind: "trim", sessionId, ...limits });
      return log.head(sessionId);
    },
    erase: (sessionId) => writer.call({ kind: "erase", sessionId }),
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  /** All that was said until now can be found. */
  async function index(): Promise<void> {
    while ((await writer.call<number>({ kind: "index", events: indexEvents })) === indexEvents);
  }
  const search: SearchIndex = {
    async search({ words, sessions, limit, offset }) {
      if (words.length === 0) return [];
      await index();
      const match = `${words.map((word) => `"${word}"`).join(" ")}*`;
      const rows = await reader.call<(Omit<SearchHit, "timestamp" | "highlights"> & { timestamp: number })[]>({
        kind: "search",
        match,
        sessions,
        limit,
        offset,
      });
      return rows.map(({ text, timestamp, ...row }) => ({
        ...row,
        timestamp: new Date(timestamp).toISOString(),
        ...unmark(text),
      }));
    },
  };

  const records = createRecords({
    async find(collection, key) {
      const value = await reader.call<string | null>({ kind: "find", collection, key });
      return value === null ? undefined : JSON.parse(value);
    },
    async list(collection, owner) {
      const values = await reader.call<string[]>({ kind: "list", collection, owner });
      return values.map((value) => JSON.parse(value));
    },
    async page(collection, owner, { before, limit }) {
      const values = await reader.call<string[]>({ kind: "page", collection, owner, before, limit });
      return values.map((value) => JSON.parse(value));
    },
    write: (write) => writer.call({ kind: "record", write: storedWrite(write) }),
  });

  const series: SeriesStore = {
    write: (step, at, samples) => writer.call({ kind: "series", step, at, samples }),
    async read(step, { from, to, key }) {
      const rows = await reader.call<{ at: number; samples: string }[]>({ kind: "series", step, from, to, key });
      return rows.map(({ at, samples }) => ({ at, values: samples }));
    },
    prune: (step, before) => writer.call({ kind: "pruneSeries", step, before }),
  };

  const parts = opening.move();
  return {
    log,
    series,
    search,
    records,
    get waiting() {
      return writer.waiting + reader.waiting;
    },
    get trouble() {
      return trouble.current ?? damage;
    },
    onTrouble: trouble.watch,
    check: () => writer.call({ kind: "check" }),
    close: () => parts.disposeAsync(),
  };
}

/** Takes out the marks around what was found, and says where they stood. */
function unmark(marked: string): Pick<SearchHit, "text" | "highlights"> {
  const highlights: SearchHit["highlights"] = [];
  let text = "";
  for (const part of marked.split("\u0002")) {
    const [found, rest] = part.split("\u0003");
    if (rest !== undefined) highlights.push([text.length, text.length + (found?.length ?? 0)]);
    text += (found ?? "") + (rest ?? "");
  }
  return { text, highlights };
}

const storedWrite = ({ value, ...rest }: RecordWrite): StoredRecordWrite => ({
  ...rest,
  value: value === undefined ? null : JSON.stringify(value),
});
