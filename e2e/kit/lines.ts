import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * Waits for a line that a child process prints.
 * @throws Error with what it wrote to standard error, when it ends before
 */
export function lineOf(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const { stdout, stderr } = child;
  if (stdout === null) throw new Error("the child's output is not piped");
  let errors = "";
  stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    errors = (errors + chunk).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const match = pattern.exec(line);
      if (match) resolve(match);
    });
    child.once("exit", (code, signal) =>
      reject(new Error(`ended with ${code ?? signal} before it printed ${pattern}:\n${errors}`)),
    );
  });
}

/** Resolves with the exit code, or the signal that ended it. */
export function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode);
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
}

/** All that a child process printed, once it has ended, and its exit code. */
export async function outputOf(child: ChildProcess): Promise<[output: string, code: number | NodeJS.Signals | null]> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const code = await exitOf(child);
  return [output, code];
}
