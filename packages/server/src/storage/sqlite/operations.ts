import type { RecordWrite } from "../../log/index.ts";

/** A record write with its value as JSON text. */
export type StoredRecordWrite = Omit<RecordWrite, "value"> & { value: string | null };

/** What the writing thread does. Each is all or nothing. */
export type WriteOperation =
  | {
      kind: "append";
      sessionId: string;
      timestamp: number;
      events: { id: string | null; type: string; data: string }[];
      records: StoredRecordWrite[];
    }
  | { kind: "begin"; sessionId: string; epoch: string }
  | { kind: "record"; write: StoredRecordWrite }
  | { kind: "trim"; sessionId: string; before: number; bytesMax: number; keepEvents: number }
  | { kind: "check" };

/** What the reading thread does. */
export type ReadOperation =
  | { kind: "read"; sessionId: string; after: number; events: number; bytes: number }
  | { kind: "head"; sessionId: string }
  | { kind: "find"; collection: string; key: string }
  | { kind: "list"; collection: string; owner: string | undefined }
  | { kind: "checkpoint" };

/** Rows as parallel columns: cheaper to hand from thread to thread than an object a row. */
export interface EventColumns {
  seqs: number[];
  types: string[];
  timestamps: number[];
  data: string[];
}

/** An error as it crosses threads. */
export interface FailedOperation {
  failed: string;
}
