import { readdir, readFile } from "node:fs/promises";

/** Inherited by everything that an agent starts: how its children are found when it is gone. */
export const markName = "COMPANION_AGENT";

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
    signal(Number(name), "SIGKILL");
  }
}

/** Sends a signal to a process (or, negative, to a group) that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
