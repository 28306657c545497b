import { CompanionError } from "@claude-companion/protocol";
import { openOrExplain } from "./database.ts";

/**
 * Makes sure that one server at a time works on a database. The lock is SQLite's own on a file beside it: the system
 * lets go of it when the process dies, however it dies, so there is nothing to clean up.
 * @throws CompanionError `STORAGE_FAILED` when another server has it
 */
export function acquireLock(path: string): { release(): void } {
  const database = openOrExplain(`${path}.lock`);
  try {
    database.exec("PRAGMA busy_timeout = 1000");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new CompanionError(
      "STORAGE_FAILED",
      `Another server works on ${path}. Stop it first, or give this one a DATA_DIR of its own.`,
      undefined,
      { cause: error },
    );
  }
  return { release: () => database.close() };
}
