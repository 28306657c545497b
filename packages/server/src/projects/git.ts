import { lstat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import type { Directories } from "./directories.ts";
import { relativePath } from "./files.ts";
import { type GitRunner, ifTree } from "./git-runner.ts";

/** A file that differs from what was committed. Letters as in `git status --porcelain`; "." is unchanged, "?" untracked. */
export interface GitChange {
  path: string;
  /** Where it was, when it was renamed. */
  from: string | undefined;
  index: string;
  worktree: string;
}

/** Where a working tree stands. */
export interface GitStatus {
  branch: string | undefined;
  commit: string | undefined;
  upstream: string | undefined;
  ahead: number;
  behind: number;
  changes: GitChange[];
}

/** A commit. */
export interface GitCommit {
  commit: string;
  author: string;
  /** ISO 8601. */
  at: string;
  subject: string;
}

/** A local branch. */
export interface GitBranch {
  name: string;
  commit: string;
  /** ISO 8601. */
  at: string;
  current: boolean;
  worktree: string | undefined;
}

/** What people do with git, in a project. All of it stays below the directory. */
export interface Git {
  /** @throws CompanionError `DIRECTORY_NOT_ALLOWED`; `NOT_FOUND` when it is no working tree */
  status(directory: string): Promise<GitStatus>;
  /** Unified diff of the working tree against the index, or of the index against the last commit. */
  diff(
    directory: string,
    what: { staged: boolean; paths: readonly string[]; bytesMax: number },
  ): Promise<{ diff: string; truncated: boolean }>;
  log(directory: string, from: { skip: number; limit: number }): Promise<GitCommit[]>;
  branches(directory: string): Promise<GitBranch[]>;
  /**
   * A new branch, checked out beside the working tree.
   * @returns the new directory @throws CompanionError `DIRECTORY_NOT_ALLOWED` when that would lie outside the roots, `CONFLICT`
   */
  addWorktree(directory: string, branch: string, from: string | undefined): Promise<string>;
  /** Files that are tracked or could be: those that are ignored are left out. Undefined: it is no working tree. */
  files(directory: string): Promise<string[] | undefined>;
  /** Which of these paths git ignores; none where there is no working tree. */
  ignored(directory: string, paths: readonly string[]): Promise<Set<string>>;
  stage(directory: string, paths: readonly string[], staged: boolean): Promise<void>;
  /** @returns the new commit @throws CompanionError `CONFLICT` with git's words */
  commit(directory: string, message: string): Promise<string>;
  /** Throws away what was changed and not committed in these files; untracked ones are deleted. */
  discard(directory: string, paths: readonly string[]): Promise<void>;
}

export function createGit(options: { directories: Pick<Directories, "resolve">; run: GitRunner }): Git {
  const git = options.run;
  /** What differs below the directory, or in some of its files. */
  async function changed(directory: string, paths: readonly string[]): Promise<GitStatus> {
    const args = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--", ...paths];
    const [output, prefix] = await Promise.all([git(directory, args), git(directory, ["rev-parse", "--show-prefix"])]);
    return below(prefix.trimEnd(), parseStatus(output));
  }
  /** Paths as git takes them; none of them leads through a link, where git would see nothing and somebody else could see more. */
  async function safe(directory: string, paths: readonly string[]): Promise<string[]> {
    const base = await options.directories.resolve(directory);
    const chosen = paths.map((path) => relativePath(path) || ".");
    for (const [i, path] of chosen.entries()) {
      // Written as a folder, it is not the link that is meant.
      const isFolder = /[/\\]\.?$/.test(paths[i] ?? "");
      await refuseThroughLink(base, isFolder ? path + sep : path);
    }
    return chosen;
  }

  return {
    status: (directory) => changed(directory, ["."]),
    async diff(directory, { staged, paths, bytesMax }) {
      const shown = await git(directory, [
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--relative",
        ...(staged ? ["--cached"] : []),
        "--",
        ...(paths.length === 0 ? ["."] : await safe(directory, paths)),
      ]);
      return { diff: shown.slice(0, bytesMax), truncated: shown.length > bytesMax };
    },
    async log(directory, { skip, limit }) {
      const format = "%H%x1f%an%x1f%aI%x1f%s";
      const output = await git(directory, [
        "log",
        "-z",
        `--format=${format}`,
        `--skip=${skip}`,
        `--max-count=${limit}`,
        "--",
        ".",
      ]).catch((error: unknown) => {
        // A repository that has no commit yet.
        if (error instanceof CompanionError && /does not have any commits/.test(error.message)) return "";
        throw error;
      });
      return output
        .split("\0")
        .filter((line) => line !== "")
        .map((line) => {
          const [commit = "", author = "", at = "", subject = ""] = line.split("\x1f");
          return { commit, author, at: new Date(at).toISOString(), subject };
        });
    },
    async branches(directory) {
      const format = ["%(refname:short)", "%(objectname)", "%(committerdate:iso-strict)", "%(HEAD)", "%(worktreepath)"];
      const args = ["for-each-ref", "--sort=-committerdate", `--format=${format.join("%1f")}`, "refs/heads"];
      return (await git(directory, args))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [name = "", commit = "", at = "", head, worktree] = line.split("\x1f");
          return {
            name,
            commit,
            at: new Date(at).toISOString(),
            current: head === "*",
            worktree: worktree === "" ? undefined : worktree,
          };
        });
    },
    async addWorktree(directory, branch, from) {
      await git(directory, ["check-ref-format", `refs/heads/${branch}`]).catch((error: unknown) => {
        if (!(error instanceof CompanionError && error.code === "CONFLICT")) throw error;
        throw new CompanionError("CONFLICT", `${JSON.stringify(branch)} is no name for a branch.`);
      });
      const start = from === undefined ? "HEAD" : from;
      // A name that git takes for an option is none of a commit.
      const commit = (await git(directory, ["rev-parse", "--verify", "--end-of-options", `${start}^{commit}`])).trim();
      const top = (await git(directory, ["rev-parse", "--show-toplevel"])).trim();
      await options.directories.resolve(dirname(top));
      const place = `${top}-${branch.replaceAll(/[^\w.-]+/g, "-")}`;
      // Also a link that leads somewhere is in the way.
      if ((await lstat(place).catch(() => undefined)) !== undefined)
        throw new CompanionError("CONFLICT", `${place} is there already. Choose another name for the branch.`);
      await git(directory, ["worktree", "add", "--quiet", "-b", branch, "--", place, commit]);
      return options.directories.resolve(place);
    },
    async files(directory) {
      const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", "."];
      return (await ifTree(git(directory, args)))?.split("\0").filter((path) => path !== "");
    },
    async ignored(directory, paths) {
      // Begun like this, no name has a meaning of its own.
      const input = paths.map((path) => `./${path}\0`).join("");
      // It says nothing of what lies beyond links, or outside of any working tree.
      const output = await git(directory, ["check-ignore", "-z", "--stdin"], { input, literal: false, fine: [1, 128] });
      return new Set(output.split("\0").map((path) => path.slice(2)));
    },
    async stage(directory, paths, staged) {
      const chosen = await safe(directory, paths);
      await git(directory, staged ? ["add", "--all", "--", ...chosen] : ["reset", "--quiet", "--", ...chosen]);
    },
    async commit(directory, message) {
      await git(directory, ["commit", "--quiet", "--cleanup=strip", `--message=${message}`]);
      return (await git(directory, ["rev-parse", "HEAD"])).trim();
    },
    async discard(directory, paths) {
      const chosen = await safe(directory, paths);
      const isChosen = (path: string) =>
        chosen.some((one) => one === "." || path === one || path.startsWith(`${one}/`));
      // All that differs is looked at: of a file that was renamed both names are one change.
      const { changes: all } = await changed(directory, ["."]);
      const changes = all.filter(({ path, from }) => isChosen(path) || (from !== undefined && isChosen(from)));
      const untracked = changes.filter(({ index }) => index === "?").map(({ path }) => path);
      const added = changes.filter(({ index }) => index === "A").map(({ path }) => path);
      const tracked = changes
        .filter(({ index }) => index !== "?" && index !== "A")
        .flatMap(({ path, from }) => [path, ...(from === undefined ? [] : [from])]);
      if (tracked.length > 0) await git(directory, ["restore", "--staged", "--worktree", "--", ...tracked]);
      if (added.length > 0) await git(directory, ["rm", "--force", "--quiet", "--", ...added]);
      if (untracked.length > 0) await git(directory, ["clean", "--force", "--quiet", "--", ...untracked]);
    },
  };
}

/** @throws CompanionError `DIRECTORY_NOT_ALLOWED` when a folder on the way to a file is a link; a link itself is a file for git */
async function refuseThroughLink(base: string, path: string): Promise<void> {
  const parts = path.split(sep);
  for (let depth = 1; depth < parts.length; depth++) {
    const folder = join(base, ...parts.slice(0, depth));
    const found = await lstat(folder).catch(() => undefined);
    // What was deleted leads nowhere.
    if (found === undefined) return;
    if (found.isSymbolicLink())
      throw new CompanionError(
        "DIRECTORY_NOT_ALLOWED",
        `${JSON.stringify(path)} leads through a link. Name the file where it is.`,
      );
  }
}

/** Git names files from the top of the working tree; we, from the directory that was asked for. */
function below(prefix: string, status: GitStatus): GitStatus {
  const cut = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  const changes = status.changes.map(({ path, from, ...rest }) => ({
    ...rest,
    path: cut(path),
    from: from === undefined ? undefined : cut(from),
  }));
  return { ...status, changes };
}

/** `git status --porcelain=v2 --branch -z` (git-status documentation, "Porcelain Format Version 2"). */
export function parseStatus(output: string): GitStatus {
  const status: GitStatus = {
    branch: undefined,
    commit: undefined,
    upstream: undefined,
    ahead: 0,
    behind: 0,
    changes: [],
  };
  const entries = output.split("\0");
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] ?? "";
    const fields = entry.split(" ");
    const [index = ".", worktree = "."] = fields[1] ?? "";
    const rest = (from: number) => fields.slice(from).join(" ");
    if (entry.startsWith("# branch.oid ")) status.commit = fields[2] === "(initial)" ? undefined : fields[2];
    else if (entry.startsWith("# branch.head ")) status.branch = fields[2] === "(detached)" ? undefined : rest(2);
    else if (entry.startsWith("# branch.upstream ")) status.upstream = rest(2);
    else if (entry.startsWith("# branch.ab ")) {
      status.ahead = Math.abs(Number(fields[2]));
      status.behind = Math.abs(Number(fields[3]));
    } else if (fields[0] === "1") status.changes.push({ path: rest(8), from: undefined, index, worktree });
    else if (fields[0] === "2") status.changes.push({ path: rest(9), from: entries[++i], index, worktree });
    else if (fields[0] === "u") status.changes.push({ path: rest(10), from: undefined, index, worktree });
    else if (fields[0] === "?") status.changes.push({ path: rest(1), from: undefined, index: "?", worktree: "?" });
  }
  return status;
}
