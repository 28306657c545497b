import { stat, statfs } from "node:fs/promises";
import { type Clock, every } from "../clock.ts";

const lookMs = 10_000;

/** The disk that holds the data, looked at now and then. */
export interface Disk {
  /** Bytes that we may still write; undefined: not known (yet). */
  readonly freeBytes: number | undefined;
  /** Bytes of the database with its log. */
  readonly databaseBytes: number | undefined;
  /** Looks now. */
  look(): Promise<void>;
  close(): void;
}

/** @param options.database its file */
export function watchDisk(options: { database: string; clock: Clock }): Disk {
  const { database } = options;
  let freeBytes: number | undefined;
  let databaseBytes: number | undefined;
  const sizeOf = (path: string) => stat(path).then(({ size }) => size, () => 0); // biome-ignore format: one line
  async function look(): Promise<void> {
    const space = await statfs(database).catch(() => undefined);
    freeBytes = space && space.bavail * space.bsize;
    const sizes = await Promise.all([sizeOf(database), sizeOf(`${database}-wal`)]);
    databaseBytes = sizes[0] + sizes[1];
  }
  const stop = every(options.clock, lookMs, () => void look());
  return {
    get freeBytes() {
      return freeBytes;
    },
    get databaseBytes() {
      return databaseBytes;
    },
    look,
    close: stop,
  };
}
