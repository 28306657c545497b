import { homedir } from "node:os";
import { join } from "node:path";
import { type Companion, CompanionError, connect } from "@claude-companion/client";
import { configOf, type Terminal } from "./command-line.ts";
import { createFileStorage } from "./file-storage.ts";
import { readServerFile } from "./server-file.ts";

/** Flags of commands that talk to a running server. */
export const reachFlags = { url: { type: "string" }, token: { type: "string" } } as const;

/**
 * Connects to the server that is meant: `--url` and `--token`, CLAUDE_COMPANION_URL and CLAUDE_COMPANION_TOKEN, else the
 * one that runs on this machine with the same data directory.
 * @throws CompanionError that says how to start one
 */
export async function reach(
  terminal: Terminal,
  values: Readonly<Record<string, unknown>>,
): Promise<{ companion: Companion; isRemote: boolean }> {
  const given = (flag: string, variable: string) => {
    const value = values[flag] ?? terminal.environment[variable];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const url = given("url", "CLAUDE_COMPANION_URL");
  const token = given("token", "CLAUDE_COMPANION_TOKEN");
  const storage = createFileStorage(join(homedir(), ".claude-companion", "terminal.json"));
  const options = { storage, deviceName: `Terminal on ${process.platform}` };
  if (url !== undefined) {
    if (token === undefined)
      throw new CompanionError(
        "AUTHENTICATION_REQUIRED",
        "Name the token of that server with --token or CLAUDE_COMPANION_TOKEN.",
      );
    return { companion: await connect({ ...options, url, token }), isRemote: true };
  }
  const config = configOf(terminal, withoutReach(values));
  const local = await readServerFile(config.DATA_DIR);
  if (local === undefined) {
    throw new CompanionError(
      "NOT_FOUND",
      `No server runs with the data directory ${config.DATA_DIR}. Start one with \`claude-companion start\`, or name one with --url and --token.`,
    );
  }
  // Read again for each attempt: a server that was restarted may have another token.
  const currentToken = async () => (await readServerFile(config.DATA_DIR))?.token ?? local.token;
  return { companion: await connect({ ...options, url: local.url, token: currentToken }), isRemote: false };
}

const withoutReach = ({ url: _url, token: _token, ...rest }: Readonly<Record<string, unknown>>) => rest;

/** Waits for the connection, but not for ever: a person is waiting, too. */
export async function connectedWithin(companion: Companion, ms: number): Promise<void> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(
    () =>
      timer.reject(
        new CompanionError("OVERLOADED", "The server does not answer. Is it running, and is the address right?"),
      ),
    ms,
  );
  try {
    await Promise.race([companion.connected(), timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
}
