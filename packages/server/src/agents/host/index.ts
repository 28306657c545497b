export { type AgentHosts, type AgentLink, type AgentListener, createAgentHosts, type HeldAgent } from "./client.ts";
export type { Exit } from "./hosted-process.ts";
