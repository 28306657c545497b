export type { Batch } from "./batch.ts";
export { createHub, type Hub } from "./hub.ts";
export { createPositions, type Positions } from "./positions.ts";
export type { Subscription } from "./subscription.ts";
