import type { DurableEvent } from "@claude-companion/protocol";

/** An event on its way into the log. */
export interface NewEvent {
  /** Whoever made it names it (agent message id, messageId of a person): a second one with the same id is ignored. */
  id: string | undefined;
  event: DurableEvent;
}

/** A plain record that is written in the same transaction as the events that go with it. */
export interface RecordWrite {
  collection: string;
  key: string;
  /** What records of a collection are listed by (a session, a user). */
  owner: string;
  /** JSON; undefined removes the record. */
  value: object | undefined;
}

/** Everything that is stored in one transaction: all of it or nothing. */
export interface Commit {
  events: readonly NewEvent[];
  /** Left out when every event of the commit was in the log already: then this commit happened before. */
  records: readonly RecordWrite[];
}

/** An event in the log. `frame` is its JSON text on the wire, built once and sent as it is. */
export interface StoredEvent {
  readonly sessionId: string;
  readonly seq: number;
  readonly type: DurableEvent["type"];
  /** ISO 8601. */
  readonly timestamp: string;
  readonly frame: string;
}

/** Where a log begins and ends. An empty log has lastSeq 0 and firstSeq 1. */
export interface Head {
  epoch: string;
  firstSeq: number;
  lastSeq: number;
}

/** Which events to forget. The newest `keepEvents` stay whatever the other limits say. */
export interface Trim {
  /** Events older than this (ms since 1970) go. */
  before: number;
  /** Oldest events go until the session's events take no more than this. */
  bytesMax: number;
  keepEvents: number;
}

/** One ordered, durable log of events per session. */
export interface EventLog {
  /** The right to append to a session. One owner at a time; a new session's log begins here. */
  writer(sessionId: string): Promise<LogWriter>;
  /** Events after a position in order, at most `limit.events` and about `limit.bytes`; always one if there is one. */
  read(sessionId: string, after: number, limit: { events: number; bytes: number }): Promise<StoredEvent[]>;
  /** Undefined when there is no such log. */
  head(sessionId: string): Promise<Head | undefined>;
  /** Forgets old events. @returns the new head; undefined when there is no such log */
  trim(sessionId: string, limits: Trim): Promise<Head | undefined>;
  /** Forgets a session's log, with its ids, for good. Nobody may be writing to it. */
  erase(sessionId: string): Promise<void>;
  /** Calls `listener` after each commit, in the order of commits; it must not throw or block. @returns stops it */
  follow(listener: (events: readonly StoredEvent[]) => void): () => void;
}

/** The right to append. */
export interface LogWriter {
  /**
   * Stores a commit durably: when the promise resolves it survives a power cut.
   * @returns the positions of the events (of an ignored one: where it stands), in the order given
   * @throws CompanionError `STORAGE_FAILED`: nothing of the commit was stored
   */
  append(commit: Commit): Promise<{ seq: number; isNew: boolean }[]>;
  close(): Promise<void>;
}

/** The wire form of an event: the stored data with the envelope spliced around it, never parsed again. */
export function frameOf(event: {
  sessionId: string;
  seq: number;
  type: string;
  timestamp: string;
  data: string;
}): string {
  return `{"type":"${event.type}","sessionId":"${event.sessionId}","seq":${event.seq},"timestamp":"${event.timestamp}","data":${event.data}}`;
}
