export { createScriptedProvider, type Script, type ScriptedAgent, type ScriptedProvider } from "./agents/index.ts";
export { type Companion, createCompanion } from "./companion.ts";
export { type Config, readConfig } from "./config.ts";
