export {
  type Commit,
  type EventLog,
  frameOf,
  type Head,
  type LogWriter,
  type NewEvent,
  type RecordWrite,
  type StoredEvent,
  type Trim,
} from "./event-log.ts";
export { createRetention, type Retention } from "./retention.ts";
