export { createMemoryStorage } from "./memory/memory-storage.ts";
export { openSqliteStorage } from "./sqlite/sqlite-storage.ts";
