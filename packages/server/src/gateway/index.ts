export { type Gateway, type GatewayLimits, openGateway } from "./gateway.ts";
