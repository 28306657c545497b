export { createSessions, type Sessions } from "./registry.ts";
