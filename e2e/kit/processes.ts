import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";

/**
 * What a disk does that takes no more: with 1, no file of this process may grow beyond its first byte. Linux.
 * @param bytes the largest file that the process may write, or "unlimited"
 * @returns whether the process was there
 */
export function limitFiles(pid: number, bytes: "1" | "unlimited"): boolean {
  return spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:unlimited`]).status === 0;
}

/** Gone, or dead and nobody has taken note of it yet. Linux. */
export async function isDead(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat === undefined || /\) Z/.test(stat);
}
