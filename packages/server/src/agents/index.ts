export type { Agent, AgentEvent, AgentProvider } from "./agent.ts";
export { createClaudeProvider } from "./claude/provider.ts";
export { agentEnvironment } from "./environment.ts";
export { createScriptedProvider, type Script, type ScriptedAgent, type ScriptedProvider } from "./scripted/provider.ts";
