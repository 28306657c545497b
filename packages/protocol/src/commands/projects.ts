import { z } from "zod";
import { SessionId, Timestamp } from "../ids.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const directory = z.string().min(1).max(4096).meta({ description: "Absolute, within the allowed roots." });
const path = z.string().max(4096).meta({ description: "Relative to the directory, with slashes, without `..`." });
const paths = z.array(path).min(1).max(1_000);
const errors = ["DIRECTORY_NOT_ALLOWED", "NOT_FOUND"] as const;
const gitErrors = [...errors, "CONFLICT"] as const;
const shop = { directory: "/home/ada/shop" };

const Change = z.object({
  path,
  from: z.string().optional().meta({ description: "Where it was, when it was renamed." }),
  index: z.string().meta({ description: "As in `git status --porcelain`: `.` unchanged, `?` untracked." }),
  worktree: z.string(),
});

/** Projects: what lies in them, and what git says of it. */
export const projectCommands = {
  listProjects: command({
    summary:
      "Directories with your sessions, those last used first, then the git repositories below the allowed roots.",
    rest: { method: "GET", path: "/api/projects" },
    data: z.object({ limit: z.int().min(1).max(200).default(50) }),
    ack: z.object({
      roots: z.array(z.string()),
      projects: z.array(
        z.object({
          directory: z.string(),
          isRepository: z.boolean(),
          branch: z.string().optional(),
          dirty: z.boolean().optional(),
          sessionId: SessionId.optional().meta({ description: "Your last session there." }),
          lastActivityAt: Timestamp.optional(),
        }),
      ),
    }),
    example: {
      data: { limit: 50 },
      ack: {
        roots: ["/home/ada"],
        projects: [
          {
            ...shop,
            isRepository: true,
            branch: "main",
            dirty: true,
            sessionId: example.sessionId,
            lastActivityAt: example.timestamp,
          },
        ],
      },
    },
  }),
  listFiles: command({
    summary: "What lies in a directory. `.git` is not shown.",
    rest: { method: "GET", path: "/api/files" },
    data: z.object({ directory, path: path.default(""), limit: z.int().min(1).max(5_000).default(1_000) }),
    ack: z.object({
      entries: z.array(
        z.object({
          name: z.string(),
          type: z.enum(["file", "directory", "link", "other"]),
          size: z.int().min(0),
          modifiedAt: Timestamp,
          ignored: z.boolean().optional().meta({ description: "Git ignores it." }),
        }),
      ),
      truncated: z.boolean(),
    }),
    errors,
    example: {
      data: { ...shop, path: "src" },
      ack: {
        entries: [{ name: "login.ts", type: "file", size: 1_204, modifiedAt: example.timestamp, ignored: false }],
        truncated: false,
      },
    },
  }),
  readFile: command({
    summary: "A part of a file: as text where it is UTF-8, else as base64.",
    rest: { method: "GET", path: "/api/files/content" },
    data: z.object({
      directory,
      path: path.min(1),
      offset: z.int().min(0).default(0),
      length: z.int().min(1).max(4_194_304).default(1_048_576),
    }),
    ack: z.object({
      encoding: z.enum(["utf8", "base64"]),
      content: z.string(),
      bytes: z.int().min(0).meta({ description: "How many bytes of the file this is." }),
      size: z.int().min(0).meta({ description: "Of the whole file." }),
      modifiedAt: Timestamp,
    }),
    errors,
    example: {
      data: { ...shop, path: "src/login.ts" },
      ack: { encoding: "utf8", content: "export {};\n", bytes: 11, size: 11, modifiedAt: example.timestamp },
    },
  }),
  findFiles: command({
    summary: "Files whose path holds these letters in this order, the nearest first: for completing `@` in a message.",
    rest: { method: "GET", path: "/api/files/find" },
    data: z.object({ directory, query: z.string().max(200), limit: z.int().min(1).max(200).default(20) }),
    ack: z.object({ paths: z.array(path) }),
    errors,
    example: { data: { ...shop, query: "logi" }, ack: { paths: ["src/login.ts"] } },
  }),
  searchFiles: command({
    summary: "Lines of files that hold a text or match an expression; without what git ignores.",
    rest: { method: "GET", path: "/api/files/search" },
    data: z.object({
      directory,
      query: z.string().min(1).max(1_000),
      regex: z.boolean().default(false).meta({ description: "`query` is an extended regular expression." }),
      caseSensitive: z.boolean().default(false),
      limit: z.int().min(1).max(2_000).default(200),
    }),
    ack: z.object({
      hits: z.array(z.object({ path, line: z.int().min(1), text: z.string() })),
      truncated: z.boolean(),
    }),
    errors,
    example: {
      data: { ...shop, query: "findUser" },
      ack: { hits: [{ path: "src/login.ts", line: 12, text: "  const user = findUser(name);" }], truncated: false },
    },
  }),
  createProject: command({
    summary: "A new directory with a git repository of its own, or with the clone of one, if the server allows it.",
    rest: { method: "POST", path: "/api/projects", status: 201 },
    data: z.object({
      parent: directory,
      name: z.string().min(1).max(200),
      clone: z.string().max(2_000).optional().meta({ description: "https://…, ssh://…, git://… or user@host:path." }),
    }),
    ack: z.object({ directory: z.string() }),
    errors: [...errors, "CONFLICT"],
    example: { data: { parent: "/home/ada", name: "garden" }, ack: { directory: "/home/ada/garden" } },
  }),
  getGitStatus: command({
    summary: "Branch, commit, and what differs from it.",
    rest: { method: "GET", path: "/api/git/status" },
    data: z.object({ directory }),
    ack: z.object({
      branch: z.string().optional().meta({ description: "Absent: no branch is checked out." }),
      commit: z.string().optional(),
      upstream: z.string().optional(),
      ahead: z.int().min(0),
      behind: z.int().min(0),
      changes: z.array(Change),
    }),
    errors: gitErrors,
    example: {
      data: shop,
      ack: {
        branch: "main",
        commit: "57f6ab35d8e2e6ca2bd0cbd4d2e8c92e1ad7e4a0",
        ahead: 1,
        behind: 0,
        changes: [{ path: "src/login.ts", index: ".", worktree: "M" }],
      },
    },
  }),
  getGitDiff: command({
    summary: "Unified diff of the working tree, or of what is staged.",
    rest: { method: "GET", path: "/api/git/diff" },
    data: z.object({
      directory,
      staged: z.boolean().default(false),
      paths: z.array(path).max(1_000).default([]).meta({ description: "Empty: all." }),
      charactersMax: z.int().min(1).max(8_388_608).default(1_048_576),
    }),
    ack: z.object({ diff: z.string(), truncated: z.boolean() }),
    errors: gitErrors,
    example: {
      data: { ...shop, paths: ["src/login.ts"] },
      ack: { diff: "diff --git a/src/login.ts b/src/login.ts\n…", truncated: false },
    },
  }),
  getGitLog: command({
    summary: "Commits, the newest first.",
    rest: { method: "GET", path: "/api/git/log" },
    data: z.object({
      directory,
      skip: z.int().min(0).default(0),
      limit: z.int().min(1).max(500).default(50),
    }),
    ack: z.object({
      commits: z.array(z.object({ commit: z.string(), author: z.string(), at: Timestamp, subject: z.string() })),
    }),
    errors: gitErrors,
    example: {
      data: { ...shop, limit: 1 },
      ack: {
        commits: [
          {
            commit: "57f6ab35d8e2e6ca2bd0cbd4d2e8c92e1ad7e4a0",
            author: "Ada",
            at: example.timestamp,
            subject: "Fix the login",
          },
        ],
      },
    },
  }),
  listBranches: command({
    summary: "The local branches, those last committed to first, and where each is checked out.",
    rest: { method: "GET", path: "/api/git/branches" },
    data: z.object({ directory }),
    ack: z.object({
      branches: z.array(
        z.object({
          name: z.string(),
          commit: z.string(),
          at: Timestamp,
          current: z.boolean(),
          worktree: z.string().optional().meta({ description: "The directory in which it is checked out." }),
        }),
      ),
    }),
    errors: gitErrors,
    example: {
      data: shop,
      ack: {
        branches: [
          {
            name: "main",
            commit: "57f6ab35d8e2e6ca2bd0cbd4d2e8c92e1ad7e4a0",
            at: example.timestamp,
            current: true,
            worktree: "/home/ada/shop",
          },
        ],
      },
    },
  }),
  createWorktree: command({
    summary: "A new branch in a working tree of its own, beside this one: begin a session there with createSession.",
    rest: { method: "POST", path: "/api/git/worktrees", status: 201 },
    data: z.object({
      directory,
      branch: z.string().min(1).max(200),
      from: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .meta({ description: "Where it begins; by default where this one is." }),
    }),
    ack: z.object({ directory: z.string() }),
    errors: gitErrors,
    example: { data: { ...shop, branch: "fix-login" }, ack: { directory: "/home/ada/shop-fix-login" } },
  }),
  stageFiles: command({
    summary: "Put changes into the next commit, or take them out of it.",
    rest: { method: "POST", path: "/api/git/stage" },
    data: z.object({ directory, paths, staged: z.boolean().default(true) }),
    ack: z.object({}),
    errors: gitErrors,
    example: { data: { ...shop, paths: ["src/login.ts"] }, ack: {} },
  }),
  commitFiles: command({
    summary: "Commit what is staged.",
    rest: { method: "POST", path: "/api/git/commit" },
    data: z.object({ directory, message: z.string().trim().min(1).max(100_000) }),
    ack: z.object({ commit: z.string() }),
    errors: gitErrors,
    example: {
      data: { ...shop, message: "Fix the login" },
      ack: { commit: "57f6ab35d8e2e6ca2bd0cbd4d2e8c92e1ad7e4a0" },
    },
  }),
  discardChanges: command({
    summary:
      "Throw away what was changed in these files and not committed; untracked ones are deleted. There is no way back.",
    rest: { method: "POST", path: "/api/git/discard" },
    data: z.object({
      directory,
      paths,
      confirm: z.literal(true).meta({ description: "Somebody was asked, and said yes." }),
    }),
    ack: z.object({}),
    errors: gitErrors,
    example: { data: { ...shop, paths: ["src/login.ts"], confirm: true }, ack: {} },
  }),
};
