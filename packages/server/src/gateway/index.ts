export { announce } from "./announcement.ts";
export { type Gateway, openGateway } from "./gateway.ts";
export { fingerprintOf } from "./http/trust.ts";
