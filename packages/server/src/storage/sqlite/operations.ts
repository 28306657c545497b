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
  /** Nobody writes to the session for now. */
  | { kind: "release"; sessionId: string }
  | { kind: "record"; write: StoredRecordWrite }
  | { kind: "trim"; sessionId: string; before: number; bytesMax: number; keepEvents: number }
  /** Makes the next events searchable. @returns how many there were */
  | { kind: "index"; events: number }
  | { kind: "erase"; sessionId: string }
  | { kind: "series"; step: number; at: number; samples: string }
  | { kind: "pruneSeries"; step: number; before: number }
  | { kind: "check" };

/** What the reading thread does. */
export type ReadOperation =
  | { kind: "read"; sessionId: string; after: number; events: number; bytes: number }
  | { kind: "head"; sessionId: string }
  | { kind: "find"; collection: string; key: string }
  | { kind: "list"; collection: string; owner: string | undefined }
  | { kind: "page"; collection: string; owner: string; before: string | undefined; limit: number }
  | { kind: "search"; match: string; sessions: readonly string[]; limit: number; offset: number }
  /** With a key only its value, as JSON. */
  | { kind: "series"; step: number; from: number; to: number; key: string | undefined }
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

type Append = Extract<WriteOperation, { kind: "append" }>;
type Packed = string | number | null | Exclude<WriteOperation, Append> | StoredRecordWrite[];

/**
 * A batch as one flat array: what crosses to another thread is copied, and copying objects costs more than storing what
 * is in them.
 */
export function packWrites(operations: readonly WriteOperation[]): Packed[] {
  const packed: Packed[] = [];
  for (const operation of operations) {
    if (operation.kind !== "append") packed.push(null, operation);
    else {
      const { sessionId, timestamp, events, records } = operation;
      packed.push(sessionId, timestamp, records.length === 0 ? null : records, events.length);
      for (const { id, type, data } of events) packed.push(id, type, data);
    }
  }
  return packed;
}

/** The batch that was packed. */
export function unpackWrites(packed: readonly Packed[]): WriteOperation[] {
  const operations: WriteOperation[] = [];
  for (let at = 0; at < packed.length; ) {
    const sessionId = packed[at] as string | null;
    if (sessionId === null) {
      operations.push(packed[at + 1] as WriteOperation);
      at += 2;
      continue;
    }
    const [timestamp, records, count] = packed.slice(at + 1, at + 4) as [number, StoredRecordWrite[] | null, number];
    at += 4;
    const events: Append["events"] = [];
    for (let i = 0; i < count; i++, at += 3) {
      events.push({ id: packed[at] as string | null, type: packed[at + 1] as string, data: packed[at + 2] as string });
    }
    operations.push({ kind: "append", sessionId, timestamp, events, records: records ?? [] });
  }
  return operations;
}
