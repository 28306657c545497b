export {
  type Collection,
  createRecords,
  type DeviceRecord,
  type MessageRecord,
  type PermissionRecord,
  type PositionRecord,
  type RecordStore,
  type Records,
  type SessionRecord,
  type TokenRecord,
} from "./records.ts";
