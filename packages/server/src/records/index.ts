export {
  type AuditRecord,
  createRecords,
  type MessageRecord,
  type PermissionRecord,
  type PositionRecord,
  type Records,
  type RuleRecord,
  type SessionRecord,
  type TokenRecord,
  type TurnRecord,
  timeKey,
  type UploadRecord,
} from "./records.ts";
