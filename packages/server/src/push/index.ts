export { type Attention, createAttention } from "./attention.ts";
export { type ApnsKey, createApns } from "./providers/apns.ts";
export { createFcm, FcmCredentials } from "./providers/fcm.ts";
export type { Notifier } from "./providers/notifier.ts";
export { createNtfy } from "./providers/ntfy.ts";
export { createWebPush, vapidKeysOf } from "./providers/web-push.ts";
export { createWebhook } from "./providers/webhook.ts";
export { createPush, type Push } from "./push.ts";
export { targetOf } from "./targets.ts";
