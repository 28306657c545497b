export {
  createRecords,
  type MessageRecord,
  type PermissionRecord,
  type PositionRecord,
  type Records,
  type SessionRecord,
  type TokenRecord,
} from "./records.ts";
