export { createMemoryStorage } from "./memory/memory-storage.ts";
export { backUp, restore } from "./sqlite/backup.ts";
export { damageOf } from "./sqlite/set-aside.ts";
export { openSqliteStorage } from "./sqlite/sqlite-storage.ts";
