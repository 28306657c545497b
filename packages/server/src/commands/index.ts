export { createHandlers } from "./create-handlers.ts";
export type { Caller, Handlers } from "./handlers.ts";
export { type ActOnNotification, createPushActions } from "./push-handlers.ts";
export { summariesFor, summaryFor } from "./summary.ts";
export { uploadOf } from "./upload-handlers.ts";
