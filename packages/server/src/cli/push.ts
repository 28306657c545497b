import { type Companion, CompanionError } from "@claude-companion/client";
import { type Command, readFlags, type Terminal } from "./command-line.ts";
import { connectedWithin, reach, reachFlags } from "./reach.ts";

/** `claude-companion push`: where people are told, a test, and why they were told something or nothing. */
export const push: Command = async (terminal) => {
  const { values, positionals } = readFlags(terminal.args, reachFlags);
  const [what = "devices", which] = positionals;
  const run = subcommands[what];
  if (run === undefined)
    throw new CompanionError(
      "INVALID_REQUEST",
      `push ${what} is unknown. There are: ${Object.keys(subcommands).join(", ")}.`,
    );
  const { companion } = await reach(terminal, values);
  try {
    await connectedWithin(companion, 5_000);
    return await run(companion, terminal, which);
  } finally {
    companion.close();
  }
};

const subcommands: Record<
  string,
  (companion: Companion, terminal: Terminal, which: string | undefined) => Promise<number>
> = {
  async devices(companion, { output }) {
    const { platforms } = await companion.request("getPushConfiguration", {});
    const { targets } = await companion.request("listPushTargets", {});
    if (targets.length === 0)
      output.write("Nobody is told yet. Switch notifications on in the app, or register a channel.\n");
    for (const { targetId, name, platform, address, preferences, bad } of targets) {
      const state = bad ? `dead: ${bad.reason}` : preferences.enabled ? "on" : "off";
      output.write(`${targetId}  ${platform.padEnd(7)}  ${name}  ${address}  ${state}\n`);
    }
    for (const { platform, missing, trouble } of platforms) {
      if (missing !== undefined) output.write(`${platform} is not set up. ${missing}\n`);
      if (trouble) output.write(`${platform} does not answer since ${trouble.since}: ${trouble.reason}\n`);
    }
    return 0;
  },
  async test(companion, { output }, targetId) {
    const { notifications } = await companion.request("testPush", targetId === undefined ? {} : { targetId });
    for (const { targetName, platform, trail } of notifications)
      output.write(`${targetName} (${platform}): ${trail.map(({ text }) => text).join(" ")}\n`);
    return notifications.every(({ state }) => state === "sent") ? 0 : 1;
  },
  async explain(companion, { output }, session) {
    const { sessions } = await companion.request("watchSessions", {});
    const found = session === undefined ? sessions[0] : sessions.find(({ sessionId }) => sessionId.startsWith(session));
    if (found === undefined)
      throw new CompanionError(
        "SESSION_NOT_FOUND",
        "There is no such session. List them with `claude-companion sessions`.",
      );
    const { lines } = await companion.request("explainPush", { sessionId: found.sessionId });
    output.write(`${lines.join("\n")}\n`);
    return 0;
  },
};
