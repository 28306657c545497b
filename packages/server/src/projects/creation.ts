import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import type { Directories } from "./directories.ts";
import type { GitRunner } from "./git-runner.ts";

const cloneMs = 10 * 60_000;
/** https://…, ssh://…, git://… or ada@host:path. */
const address = /^(?:(?:https?|ssh|git):\/\/[^\s-]|[\w.-]+@[\w.-]+:[^\s-])\S*$/;

/**
 * Makes a directory for a project: empty, with a repository of its own, or with the clone of one.
 * @returns its real path
 * @throws CompanionError `DIRECTORY_NOT_ALLOWED`, `INVALID_REQUEST`, `CONFLICT` when it is there already or git refuses
 */
export async function createProject(
  house: { directories: Pick<Directories, "resolve">; git: GitRunner },
  { parent, name, clone }: { parent: string; name: string; clone: string | undefined },
): Promise<string> {
  const base = await house.directories.resolve(parent);
  if (!/^[^/\\\0]+$/.test(name) || /^[.-]/.test(name))
    throw new CompanionError("INVALID_REQUEST", `${JSON.stringify(name)} is no name for a directory.`);
  if (clone !== undefined && !address.test(clone))
    throw new CompanionError("INVALID_REQUEST", "Clone from https://…, ssh://…, git://… or user@host:path.");
  const directory = join(base, name);
  // Not into what is there, be it a link.
  await mkdir(directory).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new CompanionError("CONFLICT", `${directory} is there already. Choose another name.`);
    throw error;
  });
  const args =
    clone === undefined ? ["init", "--quiet"] : ["clone", "--quiet", "--no-recurse-submodules", "--", clone, "."];
  await house.git(directory, args, { timeoutMs: cloneMs });
  return house.directories.resolve(directory);
}
