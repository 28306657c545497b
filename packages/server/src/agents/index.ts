export type {
  Agent,
  AgentBlock,
  AgentContent,
  AgentEvent,
  AgentProvider,
  Configuration,
  Conversation,
  Conversations,
  PastEvent,
} from "./agent.ts";
export { checkClaudeCli } from "./claude/cli.ts";
export { createClaudeProvider } from "./claude/provider.ts";
export { agentEnvironment } from "./environment.ts";
export { type AgentHosts, createAgentHosts, type HeldAgent } from "./host/index.ts";
export { createScriptedProvider, type Script, type ScriptedAgent, type ScriptedProvider } from "./scripted/provider.ts";
export { type AgentUsages, watchAgentUsage } from "./usage.ts";
