import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const depthMax = 3;
const directoriesMax = 2_000;
const skipped = /^\.|^node_modules$|^vendor$|^target$|^dist$/;

/**
 * Git working trees below the roots, near ones first. Bounded: a home directory has more than anybody wants to walk.
 * @returns real paths
 */
export async function findRepositories(roots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  let row = [...roots];
  let seen = 0;
  for (let depth = 0; depth <= depthMax && row.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of row) {
      if (++seen > directoriesMax) return found;
      if (await exists(join(directory, ".git"))) {
        found.push(directory);
        continue;
      }
      // Links are not followed: what they lead to is found where it is, if it is allowed.
      const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
      for (const entry of entries)
        if (entry.isDirectory() && !skipped.test(entry.name)) next.push(join(directory, entry.name));
    }
    row = next;
  }
  return found;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
