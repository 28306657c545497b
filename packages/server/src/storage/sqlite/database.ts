import { DatabaseSync } from "node:sqlite";
import { CompanionError } from "@claude-companion/protocol";
import { messageOf } from "../../message-of.ts";
import { migrations } from "./migrations/index.ts";

/** Pages of WAL after which SQLite checkpoints by itself, inside a commit; the reader does it long before. */
const autocheckpointPages = 65_536;

/**
 * Opens the database for writing and brings it up to date.
 * @throws CompanionError `STORAGE_FAILED` when it is newer than this program, damaged, or cannot be written
 */
export function openForWriting(path: string): DatabaseSync {
  const database = openOrExplain(path);
  try {
    database.exec("PRAGMA journal_mode = WAL");
    // FULL: what was acknowledged survives a power cut. Group commit makes it cheap.
    database.exec("PRAGMA synchronous = FULL");
    database.exec(`PRAGMA wal_autocheckpoint = ${autocheckpointPages}`);
    // KiB, negative by SQLite's custom: the pages that hundreds of sessions append to must stay, or each is read again.
    database.exec("PRAGMA cache_size = -65536");
    database.exec("PRAGMA busy_timeout = 10000");
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw explain(path, error);
  }
}

/** Opens a second, reading connection; the database must have been opened for writing before. */
export function openForReading(path: string): DatabaseSync {
  const database = openOrExplain(path);
  database.exec("PRAGMA query_only = ON");
  database.exec("PRAGMA busy_timeout = 10000");
  return database;
}

/** @throws CompanionError `STORAGE_FAILED` with what to do */
export function openOrExplain(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw explain(path, error);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const row = database.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version ?? 0);
  if (version > migrations.length) {
    throw new CompanionError(
      "STORAGE_FAILED",
      `${path} was written by a newer version of this program (schema ${version}, this one knows ${migrations.length}). Install the newer version again, or use another DATA_DIR.`,
    );
  }
  if (version === migrations.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const sql of migrations.slice(version)) database.exec(sql);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** SQLite's primary result code; undefined: the error is none of SQLite's. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;

/** Says what a person can do about an error of SQLite. */
export function explain(path: string, error: unknown): CompanionError {
  if (error instanceof CompanionError) return error;
  const text = messageOf(error);
  const code = codeOf(error);
  const advice =
    code === 13 ? "The disk is full: free some space, nothing else is needed."
    : code === 26 || code === 11 ? "The file is damaged or no database. It was not touched: move it away, or restore a backup."
    : code === 14 || code === 8 ? "It cannot be opened for writing: check DATA_DIR and who owns it."
    : code === 10 ? "The disk reports errors: check it."
    : "See the log of the server."; // biome-ignore format: a table
  return new CompanionError("STORAGE_FAILED", `${path}: ${text}. ${advice}`, undefined, { cause: error });
}
