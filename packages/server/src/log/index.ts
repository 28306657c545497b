export {
  type Commit,
  type EventLog,
  frameOf,
  type Head,
  type LogWriter,
  type NewEvent,
  type RecordWrite,
  type StoredEvent,
} from "./event-log.ts";
export { createRetention } from "./retention.ts";
export { type SearchHit, type SearchIndex, searchableText, wordsOf } from "./search.ts";
