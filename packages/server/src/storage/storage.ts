import type { EventLog, SearchIndex } from "../log/index.ts";
import type { Records } from "../records/index.ts";
import type { SeriesStore } from "../telemetry/index.ts";

/** A backend: the log and the records that commit together. */
export interface Storage {
  log: EventLog;
  search: SearchIndex;
  records: Records;
  /** What was measured over time. */
  series: SeriesStore;
  /** Operations that wait for it. */
  readonly waiting: number;
  /** What is wrong with it, for people; undefined: nothing that we know of. */
  readonly trouble: string | undefined;
  /** Calls back when appends begin to fail. @returns stops it */
  onTrouble(listener: (trouble: string) => void): () => void;
  /** Resolves when the backend can write now. @throws CompanionError `STORAGE_FAILED` with the reason */
  check(): Promise<void>;
  /** Finishes what was accepted, then closes. Idempotent. */
  close(): Promise<void>;
}
