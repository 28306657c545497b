import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { Transform } from "node:stream";
import type { SpawnedProcess, SpawnOptions } from "@anthropic-ai/claude-agent-sdk";

/** The CLI as a process of its own group, with a guard between its output and the SDK. */
export interface ClaudeProcess extends SpawnedProcess {
  /** The last lines that it wrote to standard error. */
  stderrTail(): string;
  /** Ends it and what runs in its process group. */
  killGroup(signal: NodeJS.Signals): void;
  /** Ends shells that it started in groups of their own and, having been killed, left behind. */
  endLeftovers(): Promise<void>;
  /** Resolves when it is gone. */
  readonly exited: Promise<void>;
}

const stderrBytesMax = 4_096;
/** Inherited by everything that the CLI starts: how its children are found when it is gone. */
const markName = "COMPANION_AGENT";

/**
 * Starts the CLI in its own process group, so that the shells that it started end with it.
 * @param owner which server's it is, for `endMarked`
 * @param onUnreadable called with the beginning of each line that was dropped (no JSON, or longer than the limit)
 */
export function spawnClaude(
  options: SpawnOptions,
  owner: string,
  onUnreadable: (start: string) => void,
): ClaudeProcess {
  const mark = `${owner}:${randomUUID()}`;
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...options.env, [markName]: mark },
    stdio: ["pipe", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(-stderrBytesMax);
  });
  // A CLI that died leaves a broken pipe; its exit tells the story.
  child.stdin.on("error", () => {});
  const guard = createLineGuard({ lineBytesMax: 64 * 1024 * 1024, onUnreadable });
  child.stdout.on("error", (error) => guard.destroy(error)).pipe(guard);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const killGroup = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      if (process.platform === "win32") child.kill(signal);
      else process.kill(-child.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  };
  return {
    stdin: child.stdin,
    stdout: guard,
    get killed() {
      return child.killed;
    },
    get exitCode() {
      return child.exitCode;
    },
    get signalCode() {
      return child.signalCode;
    },
    kill: (signal) => child.kill(signal),
    on: (event: "exit" | "error", listener: never) => void child.on(event, listener),
    once: (event: "exit" | "error", listener: never) => void child.once(event, listener),
    off: (event: "exit" | "error", listener: never) => void child.off(event, listener),
    stderrTail: () => stderr.trim(),
    killGroup,
    endLeftovers: () => endMarked((found) => found === mark),
    exited,
  };
}

/**
 * Ends processes whose mark fits. Linux only: elsewhere there is no cheap way to see another process's environment.
 * @param fits whether the process is meant
 */
export async function endMarked(fits: (mark: string) => boolean): Promise<void> {
  const names = process.platform === "linux" ? await readdir("/proc") : [];
  for (const name of names.filter((entry) => /^\d+$/.test(entry))) {
    // Processes of others cannot be read, and some end while we look.
    const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
    const mark = environment.split("\0").find((variable) => variable.startsWith(`${markName}=`));
    if (mark === undefined || !fits(mark.slice(markName.length + 1))) continue;
    try {
      process.kill(Number(name), "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

/**
 * Passes on whole lines that can be JSON objects. An agent's output is input from outside: a line without end must not
 * fill the memory, and one bad line must not end the session.
 */
export function createLineGuard(options: { lineBytesMax: number; onUnreadable: (start: string) => void }): Transform {
  let parts: Buffer[] = [];
  let size = 0;
  let skipping = false;
  const report = (line: Buffer) => options.onUnreadable(line.subarray(0, 200).toString("utf8"));
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        parts.push(chunk.subarray(start, end + 1));
        const line = parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts);
        parts = [];
        size = 0;
        start = end + 1;
        if (skipping) skipping = false;
        else if (line[0] === 123) this.push(line);
        else if (line.length > 1) report(line);
      }
      const rest = chunk.subarray(start);
      if (rest.length > 0 && !skipping) {
        parts.push(rest);
        size += rest.length;
        if (size > options.lineBytesMax) {
          report(Buffer.concat(parts).subarray(0, 200));
          parts = [];
          size = 0;
          skipping = true;
        }
      }
      done();
    },
    flush(done) {
      // The stream ended in the middle of a line: half a message is none.
      if (parts.length > 0) report(Buffer.concat(parts));
      done();
    },
  });
}
