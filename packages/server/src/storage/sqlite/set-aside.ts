import { existsSync, renameSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { codeOf } from "./database.ts";

/** Larger ones are looked through by `claude-companion doctor`, not at each start. */
const lookThroughBytesMax = 64 * 1024 * 1024;
const corrupt = 11;
const noDatabase = 26;

/**
 * Moves a damaged database out of the way; it is never written to. One that was closed in order is taken as it is.
 * @param path the database file
 * @param stamp makes the new name
 * @returns where it is now; undefined: it is well, or there is none
 */
export function setAsideIfDamaged(path: string, stamp: string): string | undefined {
  if (!existsSync(path) || damageOf(path) === undefined) return undefined;
  const aside = `${path}.damaged-${stamp}`;
  for (const ending of ["", "-wal", "-shm"]) if (existsSync(path + ending)) renameSync(path + ending, aside + ending);
  return aside;
}

/** What is wrong with a database, in SQLite's words; undefined: nothing was found. */
export function damageOf(path: string, lookThrough = wasKilled(path)): string | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
      if (!lookThrough) return undefined;
      const found = String(database.prepare("PRAGMA quick_check(1)").get()?.quick_check);
      return found === "ok" ? undefined : found;
    } finally {
      database.close();
    }
  } catch (error) {
    const code = codeOf(error);
    return code === corrupt || code === noDatabase ? String(error) : undefined;
  }
}

/** A server that ended in order leaves no journal behind. */
function wasKilled(path: string): boolean {
  const journal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return (journal?.size ?? 0) > 0 && statSync(path).size <= lookThroughBytesMax;
}
