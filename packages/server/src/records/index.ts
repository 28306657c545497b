export {
  type Collection,
  createRecords,
  type DeviceRecord,
  type MessageRecord,
  type PermissionRecord,
  type PositionRecord,
  type Records,
  type RecordStore,
  type SessionRecord,
  type TokenRecord,
} from "./records.ts";
