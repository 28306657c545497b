import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { searchableText } from "../../log/index.ts";
import { explain, openForWriting } from "./database.ts";
import { type packWrites, unpackWrites, type WriteOperation } from "./operations.ts";
import { serve } from "./thread.ts";

/** What the writer knows of a session that is written to. */
type Log = { log: number; lastSeq: number; ids: Map<string, number> };

/** Runs batches of write operations, each batch one transaction: group commit without a timer. */
function createWriter(database: DatabaseSync, path: string) {
  const sql = {
    findLog: database.prepare("SELECT log FROM logs WHERE session = ?"),
    lastSeq: database.prepare("SELECT max(seq) AS seq FROM events WHERE log = ?"),
    addLog: database.prepare("INSERT INTO logs (session, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING"),
    ids: database.prepare(
      "SELECT id, seq FROM forgotten_ids WHERE log = :log UNION ALL SELECT id, seq FROM events WHERE log = :log AND id IS NOT NULL",
    ),
    addEvent: database.prepare("INSERT INTO events (log, seq, type, timestamp, data, id) VALUES (?, ?, ?, ?, ?, ?)"),
    saveRecord: database.prepare(
      "INSERT INTO records (collection, key, owner, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET owner = excluded.owner, value = excluded.value",
    ),
    removeRecord: database.prepare("DELETE FROM records WHERE collection = ? AND key = ?"),
    // The oldest that is young enough, not the youngest that is too old: a clock that jumped must not take all before it.
    firstKept: database.prepare("SELECT min(seq) AS seq FROM events WHERE log = ? AND timestamp >= ?"),
    cutByBytes: database.prepare(
      "SELECT max(seq) AS seq FROM (SELECT seq, sum(length(data)) OVER (ORDER BY seq DESC) AS total FROM events WHERE log = ?) WHERE total > ? AND seq <= ?",
    ),
    keepIds: database.prepare(
      "INSERT INTO forgotten_ids (log, id, seq) SELECT log, id, seq FROM events WHERE log = ? AND seq <= ? AND id IS NOT NULL",
    ),
    indexedUpTo: database.prepare("SELECT up_to FROM indexed"),
    nextEvents: database.prepare(
      "SELECT e.rowid AS id, session, type, seq, timestamp, data FROM events e JOIN logs USING (log) WHERE e.rowid > ? ORDER BY e.rowid LIMIT ?",
    ),
    addText: database.prepare(
      "INSERT INTO event_texts (rowid, text, session, type, seq, timestamp) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    noteIndexed: database.prepare("UPDATE indexed SET up_to = ?"),
    forgetTexts: database.prepare(
      "DELETE FROM event_texts WHERE rowid IN (SELECT rowid FROM events WHERE log = ? AND seq <= ?)",
    ),
    eraseLog: database.prepare("DELETE FROM logs WHERE log = ?"),
    eraseIds: database.prepare("DELETE FROM forgotten_ids WHERE log = ?"),
    // The next event may get the rowid of one that is gone.
    unindex: database.prepare("UPDATE indexed SET up_to = min(up_to, (SELECT coalesce(max(rowid), 0) FROM events))"),
    saveSamples: database.prepare(
      "INSERT INTO series (step, at, samples) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET samples = excluded.samples",
    ),
    pruneSamples: database.prepare("DELETE FROM series WHERE step = ? AND at < ?"),
    forget: database.prepare("DELETE FROM events WHERE log = ? AND seq <= ?"),
  };
  let logs = new Map<string, Log>();

  function logOf(sessionId: string): Log {
    const known = logs.get(sessionId);
    if (known) return known;
    const row = sql.findLog.get(sessionId);
    if (row === undefined) throw new Error(`no log for session ${sessionId}`);
    const log = Number(row.log);
    const ids = new Map<string, number>();
    for (const { id, seq } of sql.ids.iterate({ log })) ids.set(String(id), Number(seq));
    const found = { log, lastSeq: Number(sql.lastSeq.get(log)?.seq ?? 0), ids };
    logs.set(sessionId, found);
    return found;
  }

  function append(operation: Extract<WriteOperation, { kind: "append" }>): number[] {
    const log = logOf(operation.sessionId);
    let anyNew = operation.events.length === 0;
    // Positions; negative: it was there before.
    const seqs = operation.events.map(({ id, type, data }) => {
      const known = id === null ? undefined : log.ids.get(id);
      if (known !== undefined) return -known;
      const seq = log.lastSeq + 1;
      sql.addEvent.run(log.log, seq, type, operation.timestamp, data, id);
      log.lastSeq = seq;
      if (id !== null) log.ids.set(id, seq);
      anyNew = true;
      return seq;
    });
    if (anyNew) for (const record of operation.records) write(record);
    return seqs;
  }

  function write({ collection, key, owner, value }: Extract<WriteOperation, { kind: "record" }>["write"]): void {
    if (value === null) sql.removeRecord.run(collection, key);
    else sql.saveRecord.run(collection, key, owner, value);
  }

  function trim(operation: Extract<WriteOperation, { kind: "trim" }>): void {
    const { log, lastSeq } = logOf(operation.sessionId);
    // The newest event always stays: it tells where the log has come to.
    const newestToGo = lastSeq - Math.max(1, operation.keepEvents);
    const firstKept = sql.firstKept.get(log, operation.before)?.seq;
    const byTime = typeof firstKept === "number" ? Math.min(firstKept - 1, newestToGo) : newestToGo;
    const byBytes = Number(sql.cutByBytes.get(log, operation.bytesMax, newestToGo)?.seq ?? 0);
    const upTo = Math.max(byTime, byBytes);
    sql.keepIds.run(log, upTo);
    sql.forgetTexts.run(log, upTo);
    sql.forget.run(log, upTo);
  }

  function erase(sessionId: string): void {
    const row = sql.findLog.get(sessionId);
    if (row === undefined) return;
    const log = Number(row.log);
    sql.forgetTexts.run(log, Number.MAX_SAFE_INTEGER);
    sql.forget.run(log, Number.MAX_SAFE_INTEGER);
    sql.eraseIds.run(log);
    sql.eraseLog.run(log);
    sql.unindex.run();
    logs.delete(sessionId);
  }

  function index(events: number): number {
    const rows = sql.nextEvents.all(Number(sql.indexedUpTo.get()?.up_to), events);
    for (const { id, session, type, seq, timestamp, data } of rows) {
      const name = String(type);
      if (name !== "humanMessage" && name !== "assistantMessage") continue;
      const text = searchableText({ type: name, data: JSON.parse(String(data)) });
      if (text !== "") sql.addText.run(Number(id), text, String(session), name, Number(seq), Number(timestamp));
    }
    const last = rows.at(-1)?.id;
    if (last !== undefined) sql.noteIndexed.run(Number(last));
    return rows.length;
  }

  function run(operation: WriteOperation): unknown {
    switch (operation.kind) {
      case "append":
        return append(operation);
      case "begin":
        sql.addLog.run(operation.sessionId, operation.epoch);
        return null;
      case "release":
        logs.delete(operation.sessionId);
        return null;
      case "record":
        return write(operation.write) ?? null;
      case "trim":
        return trim(operation) ?? null;
      case "index":
        return index(operation.events);
      case "erase":
        return erase(operation.sessionId) ?? null;
      case "series":
        sql.saveSamples.run(operation.step, operation.at, operation.samples);
        return null;
      case "pruneSeries":
        sql.pruneSamples.run(operation.step, operation.before);
        return null;
      case "check":
        // A real write: only that tells whether the disk takes one.
        sql.saveRecord.run("health", "probe", "", "{}");
        return null;
      default:
        return operation satisfies never;
    }
  }

  function inTransaction<T>(work: () => T): T {
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      logs = new Map(); // What was counted in the transaction did not happen.
      try {
        database.exec("ROLLBACK");
      } catch {
        // SQLite rolled back by itself, as it does when the disk is full.
      }
      throw error;
    }
  }

  return (operations: WriteOperation[]): unknown[] => {
    try {
      return inTransaction(() => operations.map(run));
    } catch (error) {
      if (operations.length === 1) return [{ failed: explain(path, error).message }];
      // One of them is bad, or the disk is: alone, each learns its own fate.
      return operations.map((operation) => {
        try {
          return inTransaction(() => run(operation));
        } catch (own) {
          return { failed: explain(path, own).message };
        }
      });
    }
  };
}

const { path } = workerData as { path: string };
serve<ReturnType<typeof packWrites>[number]>(() => {
  const database = openForWriting(path);
  const write = createWriter(database, path);
  return {
    run: (batch) => write(unpackWrites(batch)),
    close() {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    },
  };
});
