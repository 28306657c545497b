export {
  type AuditRecord,
  createRecords,
  type Granted,
  isScheduled,
  type MessageRecord,
  type PermissionRecord,
  type PositionRecord,
  type Records,
  type RuleRecord,
  type ScheduleRecord,
  type SessionRecord,
  type TokenRecord,
  type TurnRecord,
  timeKey,
  type UploadRecord,
} from "./records.ts";
export { turnsOf } from "./turns.ts";
