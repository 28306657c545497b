import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startTestCompanion, type TestCompanion } from "../companion.fixture.ts";
import { createDirectories } from "./directories.ts";
import { createFiles } from "./files.ts";
import { createGit } from "./git.ts";
import { createGitRunner } from "./git-runner.ts";

const secret = "the secret that nobody may see";

/** A server with a git project, and a secret outside of it. */
async function start() {
  const server = await startTestCompanion({ environment: { COMMANDS_PER_SECOND: "10000" } });
  const { project, root } = server;
  await mkdir(join(root, "outside"));
  await writeFile(join(root, "outside", "secret.txt"), secret);
  const git = (...args: string[]) => execFileSync("git", args, { cwd: project, encoding: "utf8" });
  git("init", "--quiet", "--initial-branch=main");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  await mkdir(join(project, "src"));
  await writeFile(join(project, "src", "a.txt"), "one\n");
  git("add", "--all");
  git("commit", "--quiet", "--message=First");
  return {
    ...server,
    git,
    get: async (path: string, query: Record<string, string>) =>
      server.api(`${path}?${new URLSearchParams({ directory: project, ...query })}`),
    post: async (path: string, body: object) =>
      server.api(path, { method: "POST", body: { directory: project, ...body } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe("projects", () => {
  test("[PRJ-1] repositories and directories with sessions are found, with branch and state", async () => {
    await using server = await start();
    const plain = join(server.root, "projects", "plain");
    await mkdir(plain);
    await server.api("/api/sessions", { method: "POST", body: { workingDirectory: plain } });
    await mkdir(join(server.root, "projects", "node_modules", "hidden", ".git"), { recursive: true });
    const { roots, projects } = (await server.api("/api/projects")).body as {
      roots: string[];
      projects: { directory: string; isRepository: boolean; branch?: string; dirty?: boolean; sessionId?: string }[];
    };
    assert.deepEqual(roots, [join(server.root, "projects")]);
    assert.deepEqual(
      projects.map(({ directory, isRepository, branch, dirty, sessionId }) => [
        directory,
        isRepository,
        branch,
        dirty,
        sessionId !== undefined,
      ]),
      [
        [plain, false, undefined, undefined, true],
        [server.project, true, "main", false, false],
      ],
    );
  });

  test("[PRJ-2] directories are listed and files read, in parts, as text or as bytes", async () => {
    await using server = await start();
    await writeFile(join(server.project, "picture.png"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]));
    const list = async (query: Record<string, string>) =>
      (await server.get("/api/files", query)).body as { entries: { name: string; type: string }[]; truncated: boolean };
    const all = await list({});
    assert.deepEqual(
      all.entries.map(({ name, type }) => `${type} ${name}`),
      ["file picture.png", "directory src"],
    );
    assert.equal((await list({ limit: "1" })).truncated, true);
    assert.deepEqual(
      (await list({ path: "src/./" })).entries.map(({ name }) => name),
      ["a.txt"],
    );
    const read = async (query: Record<string, string>) =>
      (await server.get("/api/files/content", query)).body as object;
    const { modifiedAt: _, ...text } = (await read({ path: "src/a.txt" })) as { modifiedAt: string };
    assert.deepEqual(text, { encoding: "utf8", content: "one\n", bytes: 4, size: 4 });
    const { modifiedAt: __, ...bytes } = (await read({ path: "picture.png", offset: "1", length: "3" })) as {
      modifiedAt: string;
    };
    assert.deepEqual(bytes, { encoding: "utf8", content: "PNG", bytes: 3, size: 8 });
    assert.equal(((await read({ path: "picture.png" })) as { encoding: string }).encoding, "base64");
    assert.equal(((await read({ path: "src/a.txt", offset: "99" })) as { bytes: number }).bytes, 0);
    assert.equal((await server.get("/api/files/content", { path: "absent.txt" })).status, 404);
    assert.equal((await server.get("/api/files/content", { path: "src" })).status, 404);
  });

  test("[PRJ-3] git: status, diff, stage, commit, log, discard", async () => {
    await using server = await start();
    const { project } = server;
    const status = async () =>
      (await server.get("/api/git/status", {})).body as {
        branch: string;
        changes: { path: string; from?: string; index: string; worktree: string }[];
      };
    await writeFile(join(project, "src", "a.txt"), "two\n");
    await writeFile(join(project, "späte Datei.txt"), "new\n");
    assert.equal((await status()).branch, "main");
    const shown = async () =>
      (await status()).changes.map(({ path, index, worktree }) => `${index}${worktree} ${path}`);
    assert.deepEqual(await shown(), [".M src/a.txt", "?? späte Datei.txt"]);
    const diff = (await server.get("/api/git/diff", {})).body as { diff: string };
    assert.match(diff.diff, /-one\n\+two/);
    assert.deepEqual((await server.get("/api/git/diff", { charactersMax: "10" })).body, {
      diff: diff.diff.slice(0, 10),
      truncated: true,
    });
    assert.equal((await server.post("/api/git/stage", { paths: ["späte Datei.txt", "src/a.txt"] })).status, 200);
    assert.equal((await server.post("/api/git/stage", { paths: ["src/a.txt"], staged: false })).status, 200);
    assert.deepEqual(await shown(), ["A. späte Datei.txt", ".M src/a.txt"]);
    const staged = (await server.get("/api/git/diff", { staged: "true" })).body as { diff: string };
    assert.ok(staged.diff.includes("+new") && !staged.diff.includes("+two"));
    const { commit } = (await server.post("/api/git/commit", { message: "Second\n\nwith a body" })).body as {
      commit: string;
    };
    const { commits } = (await server.get("/api/git/log", {})).body as {
      commits: { commit: string; subject: string }[];
    };
    assert.deepEqual(
      commits.map(({ subject }) => subject),
      ["Second", "First"],
    );
    assert.equal(commits[0]?.commit, commit);
    assert.equal((await server.post("/api/git/commit", { message: "null\0byte" })).status, 409);
    // Nothing is staged: git says so.
    const nothing = await server.post("/api/git/commit", { message: "Third" });
    assert.deepEqual([nothing.status, (nothing.body as { code: string }).code], [409, "CONFLICT"]);
    await writeFile(join(project, "untracked.txt"), "x");
    await writeFile(join(project, "kept.txt"), "x");
    const paths = ["src/a.txt", "untracked.txt"];
    assert.equal((await server.post("/api/git/discard", { paths })).status, 400, "not without a yes");
    assert.equal((await server.post("/api/git/discard", { paths, confirm: true })).status, 200);
    assert.deepEqual(await shown(), ["?? kept.txt"]);
    assert.equal(await readFile(join(project, "src", "a.txt"), "utf8"), "one\n");
    // A file that was renamed has its old name again, whichever of both was named.
    for (const named of ["src/b.txt", "src/a.txt"]) {
      server.git("mv", "src/a.txt", "src/b.txt");
      assert.deepEqual(await shown(), ["R. src/b.txt", "?? kept.txt"]);
      assert.equal((await server.post("/api/git/discard", { paths: [named], confirm: true })).status, 200);
      assert.deepEqual(await shown(), ["?? kept.txt"]);
      assert.equal(await readFile(join(project, "src", "a.txt"), "utf8"), "one\n");
    }
    // A project that is a part of a working tree sees its own part, under its own names.
    await writeFile(join(project, "src", "b.txt"), "b");
    const part = (await server.get("/api/git/status", { directory: join(project, "src") })).body as {
      changes: { path: string }[];
    };
    assert.deepEqual(
      part.changes.map(({ path }) => path),
      ["b.txt"],
    );
    await server.post("/api/git/stage", { directory: join(project, "src"), paths: ["b.txt"] });
    await server.post("/api/git/discard", { directory: join(project, "src"), paths: ["b.txt"], confirm: true });
    assert.deepEqual(await shown(), ["?? kept.txt"]);
    const none = await server.get("/api/git/status", { directory: join(server.root, "projects") });
    assert.equal(none.status, 404);
  });

  test("[PRJ-6] files are found by parts of their names, the nearest first, without what git ignores", async () => {
    await using server = await start();
    const plain = join(server.root, "projects", "plain");
    for (const project of [server.project, plain]) {
      await mkdir(join(project, "src", "login"), { recursive: true });
      await mkdir(join(project, "node_modules"), { recursive: true });
      for (const name of ["login.ts", "src/login/page.ts", "src/oldlogin.ts", "node_modules/login.js", "l-o-g-i-n.md"])
        await writeFile(join(project, name), "");
      await writeFile(join(project, ".gitignore"), "node_modules\n");
      const find = async (query: string, limit = 20) =>
        (
          (await server.get("/api/files/find", { directory: project, query, limit: String(limit) })).body as {
            paths: string[];
          }
        ).paths;
      assert.deepEqual(await find("LOGIN"), ["login.ts", "src/oldlogin.ts", "src/login/page.ts", "l-o-g-i-n.md"]);
      assert.deepEqual(await find("login", 1), ["login.ts"]);
      assert.deepEqual(await find("slp"), ["src/login/page.ts"]);
      assert.deepEqual(await find("absent"), []);
    }
  });

  test("[PRJ-7] a branch gets a working tree of its own beside the first, and a session begins there", async () => {
    await using server = await start();
    const { project } = server;
    const made = await server.post("/api/git/worktrees", { branch: "fix/login" });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { directory } = made.body as { directory: string };
    assert.equal(directory, `${project}-fix-login`);
    assert.equal(await readFile(join(directory, "src", "a.txt"), "utf8"), "one\n");
    const session = await server.api("/api/sessions", { method: "POST", body: { workingDirectory: directory } });
    assert.equal(session.status, 201);
    const { branches } = (await server.get("/api/git/branches", {})).body as {
      branches: { name: string; current: boolean; worktree?: string }[];
    };
    assert.deepEqual(
      new Map(branches.map(({ name, current, worktree }) => [name, [current, worktree]])),
      new Map([
        ["main", [true, project]],
        ["fix/login", [false, directory]],
      ]),
    );
    await symlink(join(server.root, "outside"), `${project}-trap`);
    for (const body of [
      { branch: "fix/login" },
      { branch: "trap" },
      { branch: "-f" },
      { branch: "\0" },
      { branch: "x", from: "HEAD\0" },
      { branch: "a..b" },
      { branch: "a b" },
      { branch: "x", from: "absent" },
      { branch: "x", from: "--help" },
    ]) {
      const { status, body: answer } = await server.post("/api/git/worktrees", body);
      assert.equal(status, 409, `${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    }
    // The working tree is the root itself: beside it is outside.
    const narrowed = await createDirectories({ roots: [project] });
    const run = createGitRunner({ directories: narrowed, environment: process.env });
    const narrow = createGit({ directories: narrowed, run });
    await assert.rejects(narrow.addWorktree(project, "other", undefined), { code: "DIRECTORY_NOT_ALLOWED" });
  });

  test("[PRJ-8] text is searched in files, without what is ignored or binary, through no link", async () => {
    await using server = await start();
    const { project } = server;
    await writeFile(join(project, ".gitignore"), "built/\n");
    await mkdir(join(project, "built"));
    await writeFile(join(project, "built", "out.txt"), "One of the built\n");
    await writeFile(join(project, "new file.txt"), "first\nAnother One: [x]\n");
    await writeFile(join(project, "binary"), Buffer.from("one\0one"));
    await symlink(join(server.root, "outside"), join(project, "way-out"));
    await symlink(join(server.root, "outside", "secret.txt"), join(project, "link.txt"));
    const search = async (query: Record<string, string>) => server.get("/api/files/search", query);
    assert.deepEqual((await search({ query: "one" })).body, {
      hits: [
        { path: "new file.txt", line: 2, text: "Another One: [x]" },
        { path: "src/a.txt", line: 1, text: "one" },
      ],
      truncated: false,
    });
    assert.deepEqual((await search({ query: "[x]", limit: "1" })).body, {
      ...{ hits: [{ path: "new file.txt", line: 2, text: "Another One: [x]" }], truncated: false },
    });
    const cased = (await search({ query: "^one$", regex: "true", caseSensitive: "true" })).body as { hits: object[] };
    assert.equal(cased.hits.length, 1);
    assert.equal((await search({ query: "(", regex: "true" })).status, 400);
    assert.deepEqual((await search({ query: "--open-files-in-pager=touch" })).body, { hits: [], truncated: false });
    assert.deepEqual((await search({ query: secret })).body, { hits: [], truncated: false });
    const plain = join(server.root, "projects", "plain");
    await mkdir(plain);
    await symlink(join(server.root, "outside"), join(plain, "way-out"));
    await writeFile(join(plain, "a.txt"), "plain one\n");
    for (const query of ["one", secret]) {
      const { hits } = (await search({ directory: plain, query })).body as { hits: { path: string }[] };
      assert.deepEqual(
        hits.map(({ path }) => path),
        query === "one" ? ["a.txt"] : [],
      );
    }
    const { entries } = (await server.get("/api/files", {})).body as { entries: { name: string; ignored: boolean }[] };
    assert.deepEqual(
      entries.filter(({ ignored }) => ignored).map(({ name }) => name),
      ["built"],
    );
  });

  test("[PRJ-9] a project is made or cloned where that is allowed, never over what is there, from no file or program of the machine", async () => {
    await using server = await start();
    const parent = join(server.root, "projects");
    const make = (body: object) => server.api("/api/projects", { method: "POST", body: { parent, ...body } });
    assert.deepEqual([(await make({ name: "garden" })).status, (await make({ name: "garden" })).status], [201, 409]);
    const status = await server.get("/api/git/status", { directory: join(parent, "garden") });
    assert.equal(status.status, 200);
    // A repository as any web server shows it.
    const bare = join(server.root, "bare.git");
    server.git("clone", "--quiet", "--bare", server.project, bare);
    execFileSync("git", ["update-server-info"], { cwd: bare });
    const web = createServer(({ url = "" }, response) => {
      readFile(join(bare, url.split("?")[0]?.replace("/shop.git", "") ?? "")).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    const cloned = await make({ name: "cloned", clone: `${url}/shop.git` });
    assert.deepEqual([cloned.status, cloned.body], [201, { directory: join(parent, "cloned") }]);
    assert.equal(await readFile(join(parent, "cloned", "src", "a.txt"), "utf8"), "one\n");
    const failed = await make({ name: "none", clone: `http://ada:password@${url.slice(7)}/absent.git` });
    assert.equal(failed.status, 409);
    assert.ok(!JSON.stringify(failed.body).includes("password"), JSON.stringify(failed.body));
    web.close();
    for (const clone of [
      `file://${bare}`,
      bare,
      "ext::sh -c touch% x",
      "--upload-pack=touch x",
      "-x",
      "https://-x",
      "a b",
    ])
      assert.equal((await make({ name: "hostile", clone })).status, 400, clone);
    for (const name of ["..", ".", ".git", "a/b", "a\\b", "-x", "a\0", "../x"])
      assert.equal((await make({ name })).status, 400, name);
    await using closed = await startTestCompanion({ environment: { ALLOW_NEW_PROJECTS: "false" } });
    const refused = await closed.api("/api/projects", {
      method: "POST",
      body: { parent: join(closed.root, "projects"), name: "x" },
    });
    assert.equal(refused.status, 403);
  });

  test("[PRJ-4] paths that lead out are refused on every route that takes a path", async () => {
    await using server = await start();
    const { project, root } = server;
    const outside = join(root, "outside");
    await symlink(outside, join(project, "way-out"));
    await symlink(join(outside, "secret.txt"), join(project, "link.txt"));
    await symlink("../../outside", join(project, "relative-way-out"));
    await symlink("way-out", join(project, "twice"));
    await symlink("/", join(project, "root"));
    await symlink("/proc/self", join(project, "self"));
    await symlink("loop", join(project, "loop"));
    await symlink(project, join(outside, "way-back"));
    const up = ["..", "../", "../..", "./..", "src/..", "src/../..", "src/../../..", "src/./../..", "a/../../outside"];
    const texts = [
      ...up,
      ...up.map((path) => `${path}/outside/secret.txt`),
      "/etc/passwd", "//etc/passwd", "/", "/proc/self/environ", "/dev/zero", `${outside}/secret.txt`,
      "~", "~/secret", "~root/.ssh/id_rsa", "..\\outside\\secret.txt", "src\\..\\..", "\\\\server\\share", "\\etc",
      "C:\\Windows", "C:/Windows", "c:secret", "a\0.txt", "\0", "../outside/secret.txt\0.png",
      ".git", ".git/config", ".GIT/config", "src/../.git/config", ".git/../.git/HEAD", "./.git/hooks", "src/.Git",
      "....//....//etc/passwd/..", "..;/outside/..", "./../outside", "src//..//..//outside",
    ]; // biome-ignore format: a table
    const links = [
      "way-out/secret.txt", "relative-way-out/secret.txt", "twice/secret.txt", "root/etc/passwd", "self/environ",
      "way-out/way-back/../../outside/secret.txt", "root/proc/self/environ", "self/root/etc/passwd", "./way-out/secret.txt",
      "way-out/", "twice/", "root/", "self/", "root/proc", "way-out/.",
    ]; // biome-ignore format: a table
    const linksToRead = ["link.txt", "way-out", "twice", "root", "self", "loop", "loop/x"];
    assert.ok(texts.length + links.length + linksToRead.length >= 60);
    const routes: Record<string, (path: string) => ReturnType<TestCompanion["api"]>> = {
      listFiles: (path) => server.get("/api/files", { path }),
      readFile: (path) => server.get("/api/files/content", { path }),
      getGitDiff: (path) => server.get("/api/git/diff", { paths: path }),
      stageFiles: (path) => server.post("/api/git/stage", { paths: [path] }),
      unstageFiles: (path) => server.post("/api/git/stage", { paths: [path], staged: false }),
      discardChanges: (path) => server.post("/api/git/discard", { paths: [path], confirm: true }),
    };
    for (const [name, ask] of Object.entries(routes)) {
      for (const path of texts) {
        const { status, body } = await ask(path);
        const { code } = body as { code: string };
        assert.deepEqual([status, code], [403, "DIRECTORY_NOT_ALLOWED"], `${name} ${JSON.stringify(path)}`);
      }
      const reads = name === "listFiles" || name === "readFile";
      for (const path of [...links, ...(reads ? linksToRead : [])]) {
        const { status, body } = await ask(path);
        const text = JSON.stringify(body);
        assert.ok(status === 403 || (reads && status === 404), `${name} ${path}: ${status} ${text}`);
        assert.ok(!text.includes(secret) && !text.includes("root:x:"), `${name} ${path}: ${text}`);
      }
    }
    assert.equal(await readFile(join(outside, "secret.txt"), "utf8"), secret);
    assert.ok(!server.git("ls-files").includes("secret"));

    const directories = [
      outside, `${project}/way-out`, `${project}/../../outside`, `${project}/twice`, `${project}/root`, "/", "/etc", "/proc/self/cwd",
      root, `${root}/projects/..`, "relative", "", ".", "..", "~", "~/x", `${project}\0`, `${project}/src/a.txt`, `${project}/absent`,
      `${project}/loop`, "\\\\server\\share", "file:///etc",
    ]; // biome-ignore format: a table
    const withDirectory: Record<string, (directory: string) => ReturnType<TestCompanion["api"]>> = {
      createSession: (directory) =>
        server.api("/api/sessions", { method: "POST", body: { workingDirectory: directory } }),
      listFiles: (directory) => server.get("/api/files", { directory }),
      readFile: (directory) => server.get("/api/files/content", { directory, path: "secret.txt" }),
      getGitStatus: (directory) => server.get("/api/git/status", { directory }),
      getGitDiff: (directory) => server.get("/api/git/diff", { directory }),
      findFiles: (directory) => server.get("/api/files/find", { directory, query: "a" }),
      searchFiles: (directory) => server.get("/api/files/search", { directory, query: "secret" }),
      createProject: (directory) =>
        server.api("/api/projects", { method: "POST", body: { parent: directory, name: "new" } }),
      getGitLog: (directory) => server.get("/api/git/log", { directory }),
      listBranches: (directory) => server.get("/api/git/branches", { directory }),
      createWorktree: (directory) => server.post("/api/git/worktrees", { directory, branch: "x" }),
      stageFiles: (directory) => server.post("/api/git/stage", { directory, paths: ["a"] }),
      commitFiles: (directory) => server.post("/api/git/commit", { directory, message: "x" }),
      discardChanges: (directory) => server.post("/api/git/discard", { directory, paths: ["a"], confirm: true }),
    };
    for (const [name, ask] of Object.entries(withDirectory))
      for (const directory of directories) {
        const { status, body } = await ask(directory);
        assert.ok(
          status === 403 || status === 400,
          `${name} ${JSON.stringify(directory)}: ${status} ${JSON.stringify(body)}`,
        );
      }
  });

  test("[PRJ-5] a link that is put in the way while a file is being opened leads nowhere", async () => {
    await using server = await start();
    const { project, root } = server;
    const files = createFiles({ directories: await createDirectories({ roots: [join(root, "projects")] }) });
    const folder = join(project, "folder");
    const aside = join(project, "aside");
    await mkdir(folder);
    await writeFile(join(folder, "secret.txt"), "harmless");
    let isOver = false;
    const swapping = (async () => {
      while (!isOver) {
        await rename(folder, aside);
        await symlink(join(root, "outside"), folder);
        await new Promise((resolve) => setImmediate(resolve));
        await rm(folder);
        await rename(aside, folder);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen = { read: 0, refused: 0 };
    try {
      for (let i = 0; i < 3_000; i++) {
        try {
          const { bytes } = await files.read(project, "folder/secret.txt", { offset: 0, length: 100 });
          assert.equal(bytes.toString(), "harmless");
          seen.read += 1;
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /DIRECTORY_NOT_ALLOWED|NOT_FOUND/, String(error));
          seen.refused += 1;
        }
      }
    } finally {
      isOver = true;
      await swapping;
    }
    assert.ok(seen.read > 0 && seen.refused > 0, JSON.stringify(seen));
  });
});
