import { CompanionError } from "@claude-companion/protocol";
import type { HeldAgent } from "../agents/index.ts";
import { hostsOf } from "../companion.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";

/** `claude-companion agents`: the agents' processes, which go on without a server; `--end` ends one or all of them. */
export const agents: Command = async (terminal) => {
  const { values } = readFlags(terminal.args, { end: { type: "string" }, json: { type: "boolean" } });
  const { end, json, ...rest } = values;
  const config = configOf(terminal, rest);
  const hosts = hostsOf(config.DATA_DIR, terminal.environment);
  try {
    const held = await hosts.list();
    if (typeof end === "string") {
      const meant = end === "all" ? held : held.filter((agent) => agent.agentId.startsWith(end) || agent.key === end);
      if (meant.length === 0 && end !== "all")
        throw new CompanionError("NOT_FOUND", `No agent ${end} runs here. List them with \`claude-companion agents\`.`);
      for (const agent of meant) await hosts.end(agent);
      terminal.output.write(`Ended: ${meant.length}. Their sessions are kept; the next message wakes them.\n`);
    } else if (json) terminal.output.write(`${JSON.stringify(held, null, 2)}\n`);
    else if (held.length === 0) terminal.output.write("No agents run.\n");
    else for (const agent of held) terminal.output.write(`${rowOf(agent)}\n`);
    return 0;
  } finally {
    hosts.close();
  }
};

function rowOf({ agentId, key, name, pid, startedAt, exit, isAttached, retainedBytes }: HeldAgent): string {
  const state = exit === undefined ? (isAttached ? "attached" : "no server") : `ended with ${exit.code ?? exit.signal}`;
  const kept = retainedBytes > 0 ? `  ${Math.ceil(retainedBytes / 1_024)} KB not yet stored` : "";
  return `${agentId.slice(0, 8)}  process ${pid}  ${state.padEnd(9)}  since ${new Date(startedAt).toISOString()}  session ${key}  ${name}${kept}`;
}
