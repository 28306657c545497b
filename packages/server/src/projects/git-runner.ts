import { execFile } from "node:child_process";
import { CompanionError } from "@claude-companion/protocol";
import type { Directories } from "./directories.ts";

/**
 * Runs git in a directory within the roots. A few at a time: whoever asks fast must not fill the machine with processes.
 * @param how.input for its standard input
 * @param how.literal false for a command that cannot take paths as they are written
 * @param how.fine exit codes that are no failure, besides 0
 * @throws CompanionError `DIRECTORY_NOT_ALLOWED`; `NOT_FOUND` when it is no working tree; `CONFLICT` with git's words
 */
export type GitRunner = (
  directory: string,
  args: readonly string[],
  how?: { input?: string; literal?: boolean; fine?: readonly number[]; timeoutMs?: number },
) => Promise<string>;

/** What git says, undefined where there is no working tree. */
export const ifTree = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((error: unknown) => {
    if (error instanceof CompanionError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });

const timeoutMs = 30_000;
const processesMax = 8;
const outputMax = 64 * 1024 * 1024;
/** A repository's own settings must not make programs run because somebody looks at it. */
const careful = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager"];

/** @param options.environment what git may see of ours */
export function createGitRunner(options: {
  directories: Pick<Directories, "resolve">;
  environment: Readonly<Record<string, string | undefined>>;
}): GitRunner {
  const { PATH, HOME, LANG, SSH_AUTH_SOCK } = options.environment;
  const { GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL } = options.environment;
  const env = {
    ...{ PATH, HOME, LANG, SSH_AUTH_SOCK, GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL },
    GIT_OPTIONAL_LOCKS: "0",
    // Nobody is there to type a password, and what a URL names may not be a program or a file of this machine.
    GIT_TERMINAL_PROMPT: "0",
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    GIT_ALLOW_PROTOCOL: "https:http:ssh:git",
  };
  let running = 0;
  const waiting: (() => void)[] = [];

  function run(directory: string, cwd: string, args: readonly string[], how: Parameters<GitRunner>[2] = {}) {
    return new Promise<string>((resolve, reject) => {
      const child = execFile(
        "git",
        [...careful, ...(how.literal === false ? [] : ["--literal-pathspecs"]), ...args],
        { cwd, env, timeout: how.timeoutMs ?? timeoutMs, maxBuffer: outputMax },
        (error, stdout, stderr) => {
          if (error === null || how.fine?.includes(Number(error.code))) return resolve(stdout);
          const said = (stderr || stdout || error.message).trim().split("\n").slice(0, 5).join(" ");
          // Addresses may hold passwords.
          const words = said.replaceAll(/\/\/[^/@\s]*@/g, "//…@");
          if (error.code === "ENOENT")
            reject(new CompanionError("NOT_FOUND", "git is not installed on the server's machine."));
          else if (/not a git repository/.test(words))
            reject(new CompanionError("NOT_FOUND", `${directory} is no git working tree.`));
          else reject(new CompanionError("CONFLICT", `git ${args[0]}: ${words}`));
        },
      );
      // One that has ended already does not read what it is told.
      child.stdin?.on("error", () => {});
      child.stdin?.end(how.input ?? "");
    });
  }
  return async (directory, args, how) => {
    const cwd = await options.directories.resolve(directory);
    if (args.some((arg) => arg.includes("\0")))
      throw new CompanionError("CONFLICT", "Names and messages cannot hold null bytes. Leave them out.");
    if (running < processesMax) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run(directory, cwd, args, how);
    } finally {
      // The place goes to the one who waits, and to nobody who comes in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
