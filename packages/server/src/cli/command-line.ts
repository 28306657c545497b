import { readFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs, parseEnv } from "node:util";
import { CompanionError } from "@claude-companion/protocol";
import { type Config, flagOf, readConfig, type SettingName, settings } from "../config.ts";

/** What a command gets of the process: nothing else of it is touched. */
export interface Terminal {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
  /** Calls back on SIGINT, SIGTERM or SIGHUP (the terminal was closed). @returns stops it */
  onStop(listener: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void): () => void;
  /** The process ends after this at the latest, whatever hangs. */
  exitWithin(ms: number): void;
}

/** A command of the command line. @returns the exit code */
export type Command = (terminal: Terminal) => Promise<number>;

/** What stood on the command line behind the command. */
export interface Flags {
  values: Readonly<Record<string, unknown>>;
  positionals: readonly string[];
}

/** @throws CompanionError that lists the flags there are */
export function readFlags(args: readonly string[], own: NonNullable<ParseArgsConfig["options"]> = {}): Flags {
  const ofSettings = (Object.keys(settings) as SettingName[]).map((name) => [
    flagOf(name),
    { type: "string" as const },
  ]);
  const options: NonNullable<ParseArgsConfig["options"]> = {
    ...Object.fromEntries(ofSettings),
    root: { type: "string", multiple: true },
    ...own,
  };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const known = Object.keys(options)
      .map((name) => `--${name}`)
      .join(" ");
    throw new CompanionError(
      "INVALID_REQUEST",
      `${error instanceof Error ? error.message.split(".")[0] : String(error)}. Flags: ${known}`,
    );
  }
}

/**
 * Settings from flags, environment and `.env` in the working directory.
 * @throws CompanionError that names the setting at fault
 */
export function configOf(terminal: Terminal, values: Readonly<Record<string, unknown>>): Config {
  const flags: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(values)) if (typeof value === "string") flags[name] = value;
  if (Array.isArray(values.root))
    flags["project-roots"] = [flags["project-roots"], ...values.root].filter(Boolean).join(",");
  return readConfig({
    flags,
    environment: terminal.environment,
    file: readEnvFile(`${terminal.workingDirectory}/.env`),
  });
}

function readEnvFile(path: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new CompanionError(
      "INVALID_REQUEST",
      `${path} cannot be read: ${String(error)}. Correct its permissions or remove it.`,
    );
  }
}
