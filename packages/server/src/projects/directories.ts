import { realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, relative, sep } from "node:path";
import { CompanionError } from "@claude-companion/protocol";

/** Which directories an agent may work in. */
export interface Directories {
  /** Real paths of the allowed roots. */
  readonly roots: readonly string[];
  /**
   * The one true spelling of a directory: absolute, links followed.
   * @throws CompanionError `DIRECTORY_NOT_ALLOWED` when it does not exist, is no directory, or lies outside the roots
   */
  resolve(path: string): Promise<string>;
}

/**
 * @param options.roots absolute or `~/…` paths
 * @throws CompanionError `DIRECTORY_NOT_ALLOWED` for a root that is no directory
 */
export async function createDirectories(options: { roots: readonly string[] }): Promise<Directories> {
  const roots = await Promise.all(
    options.roots.map((root) => realDirectory(root, "PROJECT_ROOTS names it: correct it there.")),
  );
  return {
    roots,
    async resolve(path) {
      const real = await realDirectory(path, "Name an existing directory on the server's machine.");
      if (roots.some((root) => isWithin(root, real))) return real;
      throw notAllowed(
        `${path} is outside the allowed roots (${roots.join(", ")}). Add it to PROJECT_ROOTS or start with --root.`,
      );
    },
  };
}

/** True when `path` is `root` or below it. Both are real paths. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

async function realDirectory(path: string, advice: string): Promise<string> {
  const expanded = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
  if (!isAbsolute(expanded) || expanded.includes("\0"))
    throw notAllowed(`${JSON.stringify(path)} is not an absolute path. ${advice}`);
  let real: string;
  try {
    real = await realpath(expanded);
    if (!(await stat(real)).isDirectory()) throw notAllowed(`${path} is not a directory. ${advice}`);
  } catch (error) {
    if (error instanceof CompanionError) throw error;
    throw notAllowed(`${path} does not exist or cannot be read. ${advice}`);
  }
  return real;
}

const notAllowed = (message: string) => new CompanionError("DIRECTORY_NOT_ALLOWED", message);
