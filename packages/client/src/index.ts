export { CompanionError, type ErrorCode } from "@claude-companion/protocol/errors";
export { type Companion, type ConnectionState, type ConnectOptions, connect, type SendOptions } from "./companion.ts";
export { type EventCache, openEventCache } from "./event-cache.ts";
export { openIndexedDb } from "./indexed-db.ts";
export { createMemory } from "./memory.ts";
export { type SessionFrame, type SessionStream, type SubscribeOptions, seqOf } from "./session-stream.ts";
export { Disconnected } from "./socket.ts";
export type { Storage } from "./storage.ts";
export { uuid } from "./uuid.ts";
