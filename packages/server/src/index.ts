export { type Companion, createCompanion } from "./companion.ts";
export { type Config, readConfig } from "./config.ts";
