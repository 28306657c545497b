import { CompanionError } from "@claude-companion/protocol";
import { isoTime } from "../clock.ts";
import type { Directories, Files, Git, GitRunner } from "../projects/index.ts";
import { createProject, findRepositories, nearest, searchFiles, walkFiles } from "../projects/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Handlers } from "./handlers.ts";

/** Projects: what lies in them, and what git says of it. */
export function projectHandlers({
  sessions,
  directories,
  files,
  git,
  runGit,
  allowNewProjects,
}: {
  sessions: Pick<Sessions, "list">;
  directories: Directories;
  files: Files;
  git: Git;
  runGit: GitRunner;
  /** Whether people may make directories and clone into them. */
  allowNewProjects: boolean;
}): Pick<
  Handlers,
  | "listProjects"
  | "listFiles"
  | "readFile"
  | "findFiles"
  | "searchFiles"
  | "createProject"
  | "getGitStatus"
  | "getGitDiff"
  | "getGitLog"
  | "listBranches"
  | "createWorktree"
  | "stageFiles"
  | "commitFiles"
  | "discardChanges"
> {
  return {
    async listProjects(caller, { limit }) {
      const own = await sessions.list(caller.user);
      // The first session of a directory is the one that was used last.
      const last = new Map(own.toReversed().map((session) => [session.workingDirectory, session]));
      const used = [...new Set(own.map((session) => session.workingDirectory))];
      const found = await findRepositories(directories.roots);
      const page = [...new Set([...used, ...found])].slice(0, limit);
      const projects = await Promise.all(
        page.map(async (directory) => {
          const status = await git.status(directory).catch(() => undefined);
          const session = last.get(directory);
          return {
            directory,
            isRepository: status !== undefined,
            branch: status?.branch,
            dirty: status && status.changes.length > 0,
            sessionId: session?.sessionId,
            lastActivityAt: session?.lastActivityAt,
          };
        }),
      );
      return { roots: [...directories.roots], projects };
    },
    async listFiles(_caller, { directory, path, limit }) {
      const { entries, truncated } = await files.list(directory, path, limit);
      const paths = new Map(entries.map(({ name }) => [name, path === "" ? name : `${path}/${name}`]));
      const ignored = await git.ignored(directory, [...paths.values()]);
      return {
        entries: entries.map((entry) => ({
          ...entry,
          modifiedAt: isoTime(entry.modifiedAt),
          ignored: ignored.has(paths.get(entry.name) ?? ""),
        })),
        truncated,
      };
    },
    async readFile(_caller, { directory, path, offset, length }) {
      const { bytes, size, modifiedAt } = await files.read(directory, path, { offset, length });
      const text = utf8Of(bytes);
      const encoded =
        text === undefined
          ? { encoding: "base64" as const, content: bytes.toString("base64") }
          : { encoding: "utf8" as const, content: text };
      return { ...encoded, bytes: bytes.length, size, modifiedAt: isoTime(modifiedAt) };
    },
    async findFiles(_caller, { directory, query, limit }) {
      const known = (await git.files(directory)) ?? (await walkFiles(await directories.resolve(directory)));
      return { paths: nearest(known, query, limit) };
    },
    searchFiles: (_caller, { directory, ...wanted }) => searchFiles(runGit, directory, wanted),
    async createProject(_caller, { parent, name, clone }) {
      if (!allowNewProjects)
        throw new CompanionError("FORBIDDEN", "This server makes no new projects (ALLOW_NEW_PROJECTS).");
      return { directory: await createProject({ directories, git: runGit }, { parent, name, clone }) };
    },
    getGitStatus: (_caller, { directory }) => git.status(directory),
    getGitDiff: (_caller, { directory, staged, paths, charactersMax }) =>
      git.diff(directory, { staged, paths, bytesMax: charactersMax }),
    getGitLog: async (_caller, { directory, skip, limit }) => ({ commits: await git.log(directory, { skip, limit }) }),
    listBranches: async (_caller, { directory }) => ({ branches: await git.branches(directory) }),
    createWorktree: async (_caller, { directory, branch, from }) => ({
      directory: await git.addWorktree(directory, branch, from),
    }),
    async stageFiles(_caller, { directory, paths, staged }) {
      await git.stage(directory, paths, staged);
      return {};
    },
    commitFiles: async (_caller, { directory, message }) => ({ commit: await git.commit(directory, message) }),
    async discardChanges(_caller, { directory, paths }) {
      await git.discard(directory, paths);
      return {};
    },
  };
}

function utf8Of(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
