import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, rename, rm } from "node:fs/promises";
import { backup } from "node:sqlite";
import { CompanionError } from "@claude-companion/protocol";
import { explain, openOrExplain } from "./database.ts";
import { acquireLock } from "./lock.ts";
import { migrations } from "./migrations/index.ts";
import { damageOf } from "./set-aside.ts";

/**
 * Copies a database while its server works on it: SQLite's own online backup, a consistent moment of it.
 * @param options.path the database file
 * @param options.to the copy; must not exist
 * @throws CompanionError with what to do
 */
export async function backUp(options: { path: string; to: string }): Promise<void> {
  const { path, to } = options;
  if (!existsSync(path)) throw new CompanionError("NOT_FOUND", `There is no database ${path}. Check DATA_DIR.`);
  if (existsSync(to)) throw new CompanionError("CONFLICT", `${to} exists already. Choose another name.`);
  await copy(path, to);
}

/**
 * Puts a backup in place of the database. The server must not run. What was there is kept beside it.
 * @param options.from the backup
 * @returns where the database that was there is now; undefined: there was none
 * @throws CompanionError with what to do; then nothing has changed
 */
export async function restore(options: { path: string; from: string; stamp: string }): Promise<string | undefined> {
  const { path, from } = options;
  if (!existsSync(from)) throw new CompanionError("NOT_FOUND", `There is no file ${from}.`);
  const damage = damageOf(from, true);
  if (damage !== undefined)
    throw new CompanionError("STORAGE_FAILED", `${from} is damaged or no backup (${damage}). Use another one.`);
  const lock = acquireLock(path);
  try {
    const incoming = `${path}.incoming`;
    await rm(incoming, { force: true });
    await copy(from, incoming);
    beginAnew(incoming, from);
    const before = existsSync(path) ? `${path}.before-restore-${options.stamp}` : undefined;
    for (const ending of ["-wal", "-shm", ""])
      if (before !== undefined && existsSync(path + ending)) await rename(path + ending, before + ending);
    await rename(incoming, path);
    return before;
  } finally {
    lock.release();
  }
}

async function copy(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { force: true });
  const source = openOrExplain(from);
  try {
    await backup(source, partial);
    await chmod(partial, 0o600);
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw explain(to, error);
  } finally {
    source.close();
  }
}

/** An older log has lost events that clients have seen: another epoch tells them. */
function beginAnew(path: string, from: string): void {
  const database = openOrExplain(path);
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
    if (version === 0 || version > migrations.length)
      throw new CompanionError(
        "STORAGE_FAILED",
        `${from} is no backup of this program, or of a newer version of it (schema ${version}).`,
      );
    const update = database.prepare("UPDATE logs SET epoch = ? WHERE log = ?");
    for (const { log } of database.prepare("SELECT log FROM logs").all()) update.run(randomUUID(), Number(log));
  } finally {
    database.close();
  }
}
