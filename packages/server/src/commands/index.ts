export { createHandlers } from "./create-handlers.ts";
export type { Caller, Handlers } from "./handlers.ts";
export { summaryFor } from "./summary.ts";
