import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { explain, openForWriting } from "./database.ts";
import type { WriteOperation } from "./operations.ts";
import { serve } from "./thread.ts";

type Log = { log: number; lastSeq: number };

/** Runs batches of write operations, each batch one transaction: group commit without a timer. */
function createWriter(database: DatabaseSync, path: string) {
  const sql = {
    findLog: database.prepare("SELECT log FROM logs WHERE session = ?"),
    lastSeq: database.prepare("SELECT max(seq) AS seq FROM events WHERE log = ?"),
    addLog: database.prepare("INSERT INTO logs (session, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING"),
    addId: database.prepare("INSERT INTO event_ids (log, id, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"),
    findId: database.prepare("SELECT seq FROM event_ids WHERE log = ? AND id = ?"),
    addEvent: database.prepare("INSERT INTO events (log, seq, type, timestamp, data) VALUES (?, ?, ?, ?, ?)"),
    saveRecord: database.prepare(
      "INSERT INTO records (collection, key, owner, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET owner = excluded.owner, value = excluded.value",
    ),
    removeRecord: database.prepare("DELETE FROM records WHERE collection = ? AND key = ?"),
    cutByTime: database.prepare("SELECT max(seq) AS seq FROM events WHERE log = ? AND timestamp < ? AND seq <= ?"),
    cutByBytes: database.prepare(
      "SELECT max(seq) AS seq FROM (SELECT seq, sum(length(data)) OVER (ORDER BY seq DESC) AS total FROM events WHERE log = ?) WHERE total > ? AND seq <= ?",
    ),
    forget: database.prepare("DELETE FROM events WHERE log = ? AND seq <= ?"),
  };
  let logs = new Map<string, Log>();

  function logOf(sessionId: string): Log {
    const known = logs.get(sessionId);
    if (known) return known;
    const row = sql.findLog.get(sessionId);
    if (row === undefined) throw new Error(`no log for session ${sessionId}`);
    const log = Number(row.log);
    const found = { log, lastSeq: Number(sql.lastSeq.get(log)?.seq ?? 0) };
    logs.set(sessionId, found);
    return found;
  }

  function append(operation: Extract<WriteOperation, { kind: "append" }>): number[] {
    const log = logOf(operation.sessionId);
    let anyNew = operation.events.length === 0;
    // Positions; negative: it was there before.
    const seqs = operation.events.map(({ id, type, data }) => {
      const seq = log.lastSeq + 1;
      if (id !== null && sql.addId.run(log.log, id, seq).changes === 0)
        return -Number(sql.findId.get(log.log, id)?.seq);
      sql.addEvent.run(log.log, seq, type, operation.timestamp, data);
      log.lastSeq = seq;
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
    const byTime = Number(sql.cutByTime.get(log, operation.before, newestToGo)?.seq ?? 0);
    const byBytes = Number(sql.cutByBytes.get(log, operation.bytesMax, newestToGo)?.seq ?? 0);
    sql.forget.run(log, Math.max(byTime, byBytes));
  }

  function run(operation: WriteOperation): unknown {
    switch (operation.kind) {
      case "append":
        return append(operation);
      case "begin":
        sql.addLog.run(operation.sessionId, operation.epoch);
        return null;
      case "record":
        return write(operation.write) ?? null;
      case "trim":
        return trim(operation) ?? null;
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
serve<WriteOperation>(() => {
  const database = openForWriting(path);
  return {
    run: createWriter(database, path),
    close() {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    },
  };
});
