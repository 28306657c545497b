import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Place } from "./server.ts";

/** The CLI as a person's terminal starts it. */
export function startClaude(place: Place, args: string[]) {
  const cli = createRequire(import.meta.url).resolve(
    `@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}/claude`,
  );
  return spawn(cli, args, { cwd: place.project, env: place.environment, stdio: ["pipe", "pipe", "inherit"] });
}
