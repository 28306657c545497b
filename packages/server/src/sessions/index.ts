export { createSessions, type SessionChange, type Sessions, type SessionsOptions } from "./registry.ts";
export type { Session } from "./session.ts";
