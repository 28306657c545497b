#!/usr/bin/env node
import { CompanionError } from "@claude-companion/protocol";
import { agents } from "./cli/agents.ts";
import { backup, restore } from "./cli/backup.ts";
import { chat } from "./cli/chat/chat.ts";
import type { Command, Terminal } from "./cli/command-line.ts";
import { config } from "./cli/config.ts";
import { doctor } from "./cli/doctor.ts";
import { pair } from "./cli/pair.ts";
import { push } from "./cli/push.ts";
import { sessions } from "./cli/sessions.ts";
import { start } from "./cli/start.ts";
import { readVersion } from "./version.ts";

const commands: Record<string, { run: Command; help: string }> = {
  start: { run: start, help: "start                 run the server" },
  chat: {
    run: chat,
    help: "chat [directory]      talk to Claude in a session (--session ID, --new, --url URL --token TOKEN)",
  },
  sessions: { run: sessions, help: "sessions              list the sessions (--json)" },
  agents: {
    run: agents,
    help: "agents                list the agents' processes, which go on without a server (--end ID or all, --json)",
  },
  pair: { run: pair, help: "pair                  show a code that makes a phone or a browser known" },
  push: {
    run: push,
    help: "push [devices]        where you are told; push test [ID]; push explain [SESSION]: why you were told, or not",
  },
  backup: { run: backup, help: "backup [file]         copy everything into a file, while the server works" },
  restore: { run: restore, help: "restore FILE          put a backup in place; what was there is kept" },
  doctor: { run: doctor, help: "doctor                check what a start needs, and say how to mend it (--json)" },
  config: { run: config, help: "config                show the settings in force" },
};
const help = `claude-companion: follow and steer Claude Code from any device

${Object.values(commands)
  .map((command) => `  claude-companion ${command.help}`)
  .join("\n")}

Settings are flags (--port 3001), environment variables (PORT=3001) or lines of .env.
`;

async function main(): Promise<number> {
  const [name = "help", ...args] = process.argv.slice(2);
  if (name === "--version" || name === "version") {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const command = commands[name];
  if (command === undefined || args.includes("--help")) {
    process.stdout.write(help);
    return command !== undefined || name === "help" || name === "--help" ? 0 : 2;
  }
  const terminal: Terminal = {
    args,
    environment: process.env,
    workingDirectory: process.cwd(),
    input: process.stdin,
    output: process.stdout,
    onStop(listener) {
      const stops = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
        const heed = () => listener(signal);
        process.on(signal, heed);
        return () => process.off(signal, heed);
      });
      return () => {
        for (const stop of stops) stop();
      };
    },
    exitWithin: (ms) => void setTimeout(() => process.exit(0), ms).unref(),
  };
  return command.run(terminal);
}

// Whoever read our output is gone: that is no reason to stop.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (!("code" in error && error.code === "EPIPE")) throw error;
  });
}

try {
  process.exitCode = await main();
  // Standard input would keep the process waiting for a line that nobody needs any more.
  process.stdin.unref?.();
} catch (error) {
  if (!(error instanceof CompanionError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
