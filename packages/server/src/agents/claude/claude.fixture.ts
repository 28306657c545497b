import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Place } from "../../../../../e2e/kit/server.ts";
import type { AgentProvider } from "../agent.ts";
import { createAgentHosts } from "../host/index.ts";
import { createClaudeProvider } from "./provider.ts";

/** The real CLI in a place of its own, in an agent host as in the product. */
export function claudeIn(
  place: Place,
  change: { cliPath?: string; environment?: Record<string, string>; owner?: string } = {},
): AgentProvider {
  const owner = change.owner ?? randomUUID();
  return createClaudeProvider({
    cliPath: change.cliPath,
    environment: change.environment ?? place.environment,
    hosts: createAgentHosts({
      directory: join(place.directory, `agents-${owner}`),
      owner,
      version: "test",
      environment: process.env,
    }),
    allowBypass: false,
    aloneMs: 600_000,
  });
}
