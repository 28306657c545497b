import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { explain, openForReading } from "./database.ts";
import type { EventColumns, ReadOperation } from "./operations.ts";
import { serve } from "./thread.ts";

/** Reads pages and records beside the writer, and checkpoints, so that no commit has to. */
function createReader(database: DatabaseSync, path: string) {
  const sql = {
    head: database.prepare(
      "SELECT epoch, (SELECT min(seq) FROM events e WHERE e.log = l.log) AS firstSeq, (SELECT max(seq) FROM events e WHERE e.log = l.log) AS lastSeq FROM logs l WHERE session = ?",
    ),
    read: database.prepare(
      "SELECT seq, type, timestamp, data FROM events WHERE log = (SELECT log FROM logs WHERE session = ?) AND seq > ? ORDER BY seq LIMIT ?",
    ),
    find: database.prepare("SELECT value FROM records WHERE collection = ? AND key = ?"),
    list: database.prepare("SELECT value FROM records WHERE collection = ?"),
    listOf: database.prepare("SELECT value FROM records WHERE collection = ? AND owner = ?"),
    // Marks that no text holds tell where the words stand.
    search: database.prepare(
      "SELECT session AS sessionId, seq, type, timestamp, snippet(event_texts, 0, char(2), char(3), '…', 24) AS text FROM event_texts WHERE event_texts MATCH ? AND session IN (SELECT value FROM json_each(?)) ORDER BY rank, rowid DESC LIMIT ? OFFSET ?",
    ),
    series: database.prepare("SELECT at, samples FROM series WHERE step = ? AND at >= ? AND at < ? ORDER BY at"),
    seriesOf: database.prepare(
      "SELECT at, value AS samples FROM (SELECT at, samples -> ? AS value FROM series WHERE step = ? AND at >= ? AND at < ?) WHERE value IS NOT NULL ORDER BY at",
    ),
    // The index holds the key, too: a page is read where it stands.
    page: database.prepare(
      "SELECT value FROM records INDEXED BY records_by_owner WHERE collection = ? AND owner = ? AND key < ? ORDER BY key DESC LIMIT ?",
    ),
  };
  sql.read.setReturnArrays(true);

  function read(operation: Extract<ReadOperation, { kind: "read" }>): EventColumns {
    const columns: EventColumns = { seqs: [], types: [], timestamps: [], data: [] };
    let bytes = 0;
    for (const row of sql.read.iterate(operation.sessionId, operation.after, operation.events)) {
      const [seq, type, timestamp, data] = row as unknown as [number, string, number, string];
      bytes += data.length;
      if (columns.seqs.length > 0 && bytes > operation.bytes) break;
      columns.seqs.push(seq);
      columns.types.push(type);
      columns.timestamps.push(timestamp);
      columns.data.push(data);
    }
    return columns;
  }

  function run(operation: ReadOperation): unknown {
    switch (operation.kind) {
      case "read":
        return read(operation);
      case "head": {
        const row = sql.head.get(operation.sessionId);
        if (row === undefined) return null;
        const lastSeq = Number(row.lastSeq ?? 0);
        return { epoch: String(row.epoch), firstSeq: Number(row.firstSeq ?? lastSeq + 1), lastSeq };
      }
      case "find":
        return sql.find.get(operation.collection, operation.key)?.value ?? null;
      case "list": {
        const { collection, owner } = operation;
        const rows = owner === undefined ? sql.list.all(collection) : sql.listOf.all(collection, owner);
        return rows.map((row) => row.value);
      }
      case "search": {
        const { match, sessions, limit, offset } = operation;
        return sql.search.all(match, JSON.stringify(sessions), limit, offset);
      }
      case "page": {
        const { collection, owner, before, limit } = operation;
        return sql.page.all(collection, owner, before ?? "\u{10ffff}", limit).map((row) => row.value);
      }
      case "series": {
        const { step, from, to, key } = operation;
        return key === undefined
          ? sql.series.all(step, from, to)
          : sql.seriesOf.all(`$."${key.replaceAll('"', "")}"`, step, from, to);
      }
      case "checkpoint":
        database.exec("PRAGMA wal_checkpoint(PASSIVE)");
        return null;
      default:
        return operation satisfies never;
    }
  }

  return (operations: ReadOperation[]): unknown[] =>
    operations.map((operation) => {
      try {
        return run(operation);
      } catch (error) {
        return { failed: explain(path, error).message };
      }
    });
}

const { path } = workerData as { path: string };
serve<ReadOperation>(() => {
  const database = openForReading(path);
  return { run: createReader(database, path), close: () => database.close() };
});
