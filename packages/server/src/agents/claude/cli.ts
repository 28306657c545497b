import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../../message-of.ts";
import type { Availability } from "../agent.ts";

const run = promisify(execFile);

/** The oldest CLI that has what we build on (message lifecycle, replayed prompts), and the newest that was tried. */
const supported = { oldest: "2.1.268", tested: "2.1.331" };

/**
 * Where the CLI is: what the user configured, else the one that the SDK brings along.
 * @returns undefined when there is none
 */
export function findClaudeCli(configured: string | undefined): string | undefined {
  if (configured !== undefined) return existsSync(configured) ? configured : undefined;
  const require = createRequire(import.meta.resolve("@anthropic-ai/claude-agent-sdk"));
  const name = process.platform === "win32" ? "claude.exe" : "claude";
  const platform = `@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}`;
  for (const candidate of [platform, `${platform}-musl`]) {
    try {
      return require.resolve(`${candidate}/${name}`);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
    }
  }
  return undefined;
}

/** Where Claude keeps settings, conversations and what runs. */
export const configDirectoryOf = ({ CLAUDE_CONFIG_DIR, HOME }: Readonly<Record<string, string | undefined>>): string =>
  CLAUDE_CONFIG_DIR ?? join(HOME ?? homedir(), ".claude");

/** Compares dotted version numbers: negative when `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Asks the CLI itself for its version and its login. Takes about 0.3 s.
 * @param options.environment what an agent would get
 */
export async function checkClaudeCli(options: {
  configuredPath: string | undefined;
  environment: Record<string, string>;
}): Promise<Availability> {
  const path = findClaudeCli(options.configuredPath);
  if (path === undefined) {
    const reason = options.configuredPath
      ? `CLAUDE_CLI_PATH names ${options.configuredPath}, which does not exist. Correct it, or unset it to use the bundled CLI.`
      : "The Claude CLI is not installed. Run `npm ci` without --omit=optional, or set CLAUDE_CLI_PATH to your own `claude`.";
    return { available: false, version: undefined, path, reason };
  }
  const ask = (...args: string[]) => run(path, args, { env: options.environment, timeout: 20_000 });
  let version: string | undefined;
  try {
    version = /\d+\.\d+\.\d+/.exec((await ask("--version")).stdout)?.[0];
  } catch (error) {
    return { available: false, version, path, reason: `${path} does not run: ${messageOf(error)}` };
  }
  if (version === undefined) return { available: false, version, path, reason: `${path} is not the Claude CLI.` };
  if (compareVersions(version, supported.oldest) < 0) {
    const reason = `${path} is version ${version}; at least ${supported.oldest} is needed. Run \`claude update\`, or unset CLAUDE_CLI_PATH.`;
    return { available: false, version, path, reason };
  }
  const login = await askLogin(ask);
  if (login === "none") {
    const reason = "Claude is not logged in on this machine. Run `claude auth login` there, or set ANTHROPIC_API_KEY.";
    return { available: false, version, path, reason };
  }
  const newer = compareVersions(version, supported.tested) > 0;
  const warning = newer ? `CLI ${version} is newer than the newest that was tested (${supported.tested}).` : undefined;
  return { available: true, version, path, login, warning };
}

/** The kind of credential; undefined when the CLI does not tell. */
async function askLogin(ask: (...args: string[]) => Promise<{ stdout: string }>): Promise<string | undefined> {
  // `auth status` exits with 1 when nobody is logged in and still prints its JSON.
  const output = await ask("auth", "status", "--json").then(
    (result) => result.stdout,
    (error: unknown) => (error instanceof Error && "stdout" in error ? String(error.stdout) : ""),
  );
  try {
    const status: unknown = JSON.parse(output);
    if (typeof status !== "object" || status === null) return undefined;
    if ("loggedIn" in status && status.loggedIn === false) return "none";
    return "authMethod" in status ? String(status.authMethod) : undefined;
  } catch {
    return undefined; // An older CLI without this command: the first turn will tell.
  }
}
