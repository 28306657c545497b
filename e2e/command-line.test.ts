import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { prompt, slowly } from "./kit/directive.ts";
import { exitOf } from "./kit/lines.ts";
import { type Model, startModel } from "./kit/model.ts";
import { makePlace, type Place, runCommand, startServer, token } from "./kit/server.ts";
import { watch } from "./kit/watcher.ts";

describe("the command line", () => {
  let model: Model;
  let place: Place;
  before(async () => {
    model = await startModel();
    place = await makePlace(model.url);
  });
  after(async () => {
    await place[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });
  async function run(args: string[], extra: Record<string, string> = {}, input = "") {
    const child = runCommand(place, args, extra);
    child.stdin?.end(input);
    if (child.stdout === null || child.stderr === null) throw new Error("no pipes");
    const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
    return { output, errors, code };
  }

  test("[CLI-1] a start that cannot work ends with one line that says what to do", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    const file = join(place.directory, "a-file");
    await writeFile(file, "");
    const newer = join(place.directory, "newer");
    await mkdir(newer);
    const database = new DatabaseSync(join(newer, "companion.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    const cases: [Record<string, string>, RegExp][] = [
      [{ PORT: port }, /is in use.*--port/],
      [{ PORT: "http" }, /^PORT must be a port number.*"http"/],
      [{ HOST: "0.0.0.0", AUTH_TOKEN: "" }, /AUTH_TOKEN is not set/],
      [{ DATA_DIR: join(file, "below") }, /DATA_DIR/],
      [{ DATA_DIR: newer }, /newer version of this program/],
      [{ PROJECT_ROOTS: "/does/not/exist" }, /PROJECT_ROOTS names it/],
    ];
    for (const [extra, expected] of cases) {
      const { errors, code } = await run(["start"], extra);
      assert.equal(code, 1, errors);
      assert.match(errors, expected);
      assert.doesNotMatch(errors, /\n\s+at /, "a stack trace");
    }
    taken.close();
  });

  test("[CLI-2] a second server on the same data is refused, the first goes on", async () => {
    await using server = await startServer(place);
    const { errors, code } = await run(["start"]);
    assert.equal(code, 1);
    assert.match(errors, /Another server works on/);
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  });

  test("[CLI-3] without AUTH_TOKEN a token is made, kept from other users of the machine, and printed into no file", async () => {
    const child = runCommand(place, ["start"], { AUTH_TOKEN: "" });
    const printed = await new Promise<string>((resolve) => {
      let all = "";
      child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        all += chunk;
        if (all.includes("Ctrl-C")) resolve(all);
      });
    });
    const file = join(place.directory, "data", "server.json");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const { url, token: made }: { url: string; token: string } = JSON.parse(await readFile(file, "utf8"));
    assert.ok(printed.includes(url), printed);
    assert.ok(made.length >= 32);
    assert.ok(!printed.includes(made) && !printed.includes("pair="), printed);
    const answer = await fetch(`${url}/api/sessions`, { headers: { authorization: `Bearer ${made}` } });
    assert.equal(answer.status, 200);
    child.kill("SIGTERM");
    assert.equal(await exitOf(child), 0);
    await assert.rejects(readFile(file, "utf8"), { code: "ENOENT" });
  });

  test("[CLI-4] chat streams, asks, answers and ends with its input", async () => {
    await using server = await startServer(place);
    assert.ok(server.url);
    const say = prompt(
      { say: "I will write it. ", tools: [{ name: "Write", input: { file_path: "chat.txt", content: "from chat" } }] },
      { say: "It is there." },
    );
    const child = runCommand(place, ["chat", "."]);
    let output = "";
    child.stdin?.write(`${say}\n`);
    let answered = false;
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (answered || !output.includes("[y]es")) return;
      answered = true;
      child.stdin?.end("y\n");
    });
    assert.equal(await exitOf(child), 0);
    assert.match(output, /I will write it\./);
    assert.match(output, /⏺ Write .*chat\.txt/);
    assert.match(output, /It is there\./);
    assert.match(output, /✓ done/);
    assert.equal(await readFile(join(place.project, "chat.txt"), "utf8"), "from chat");
    // The next chat joins the same session and shows where it stands.
    const again = await run(["chat"], {}, "");
    assert.match(again.output, /It is there\./);
    const list = await run(["sessions"]);
    assert.match(list.output, /projects\/one/);
    assert.equal(list.code, 0);
  });

  test("[CLI-5] Ctrl-C in chat interrupts; once more leaves, and the session stays", async () => {
    await using server = await startServer(place);
    assert.ok(server.url);
    const child = runCommand(place, ["chat", ".", "--new"]);
    let output = "";
    let interrupts = 0;
    child.stdin?.write(`${slowly(50, { say: "word ".repeat(300) })}\n`);
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (interrupts === 0 && output.includes("word word")) {
        interrupts = 1;
        child.kill("SIGINT");
      }
      if (interrupts === 1 && output.includes("interrupted")) {
        interrupts = 2;
        child.kill("SIGINT");
      }
    });
    assert.equal(await exitOf(child), 0);
    assert.match(output, /■ interrupted/);
    assert.match((await run(["sessions"])).output, /idle|hibernated/);
  });

  test("[CLI-6] chat without a server, with a wrong token, outside the roots: each says what to do", async () => {
    const none = await run(["chat"]);
    assert.equal(none.code, 1);
    assert.match(none.errors, /claude-companion start/);
    await using server = await startServer(place);
    const wrong = await run(["sessions", "--url", server.url, "--token", "wrong-token-wrong-token"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.errors, /The token is not valid/);
    const outside = join(place.directory, "outside");
    await mkdir(outside);
    await symlink(outside, join(place.project, "link"));
    for (const directory of [
      outside,
      `${place.project}/../../outside`,
      join(place.project, "link"),
      join(place.project, "missing"),
      join(place.project, "..", "..", "a-file"),
    ]) {
      const refused = await run(["chat", directory]);
      assert.equal(refused.code, 1, directory);
      assert.match(refused.errors, /outside the allowed roots|does not exist|is not a directory/);
    }
  });

  test("[CLI-7] doctor says what is well and how to mend what is not", async () => {
    const fine = await run(["doctor"]);
    assert.equal(fine.code, 0, fine.output);
    for (const what of ["Node", "Claude CLI", "Login", "Data directory", "Project roots", "Port"])
      assert.match(fine.output, new RegExp(`^✓ ${what}`, "m"));
    const broken = join(place.directory, "old-claude");
    await writeFile(broken, "#!/bin/sh\necho 1.0.0\n");
    await chmod(broken, 0o755);
    const bad = await run(["doctor"], { CLAUDE_CLI_PATH: broken, PROJECT_ROOTS: "/nowhere" });
    assert.equal(bad.code, 1);
    assert.match(bad.output, /^✗ Claude CLI: .*claude update/m);
    assert.match(bad.output, /^✗ Project roots: .*PROJECT_ROOTS/m);
    const loggedOut = await run(["doctor"], { ANTHROPIC_API_KEY: "" });
    assert.match(loggedOut.output, /^✗ Claude CLI: .*claude auth login/m);
  });

  test("[CLI-8] config shows the settings without secrets; help and unknown flags say what there is", async () => {
    const shown = await run(["config"]);
    assert.match(shown.output, /^DATA_DIR +\/tmp/m);
    assert.ok(!shown.output.includes(token));
    await writeFile(join(place.project, ".env"), "SESSIONS_MAX=7\n");
    assert.match((await run(["config"])).output, /^SESSIONS_MAX +7$/m);
    const unknown = await run(["start", "--prot", "1"]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.errors, /--prot.*Flags:.*--port/s);
    const help = await run(["help"]);
    assert.equal(help.code, 0);
    assert.match(help.output, /claude-companion chat/);
    assert.equal((await run(["nonsense"])).code, 2);
  });

  test("[CLI-9] a server whose output nobody reads any more goes on; told to stop by a closed terminal it ends in order", async () => {
    await using server = await startServer(place, { LOG_LEVEL: "trace" });
    server.process.stdout?.destroy();
    server.process.stderr?.destroy();
    for (let i = 0; i < 3; i++) {
      const device = await server.device(`device ${i}`);
      await device.request("createSession", { workingDirectory: place.project });
      device.close();
    }
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
    assert.equal(await server.stop("SIGHUP"), 0);
  });

  test("[CLI-10] agents that go on without a server are listed and ended; their sessions are kept", async () => {
    const server = await startServer(place);
    const device = await server.device("phone");
    const { session } = await device.request("createSession", { workingDirectory: place.project, reuse: false });
    const view = watch(device.subscribe(session.sessionId));
    await device.send(session.sessionId, slowly(500, { say: "A long, long story." }));
    await view.until("streamData");
    assert.match((await run(["agents"])).output, new RegExp(`attached.*session ${session.sessionId}`));
    assert.equal(await server.stop("SIGTERM"), 0);
    const listed = await run(["agents"]);
    assert.match(listed.output, /no server .* claude in /);
    const [id = ""] = listed.output.split(" ");
    const nobody = await run(["agents", "--end", "nobody"]);
    assert.deepEqual([nobody.code, /No agent nobody runs here/.test(nobody.errors)], [1, true]);
    assert.match((await run(["agents", "--end", id])).output, /Ended: 1/);
    const again = await startServer(place, { PORT: new URL(server.url).port });
    await view.until("sessionStatus", (frame) => frame.data.status === "hibernated");
    const from = view.frames.length;
    await device.send(session.sessionId, prompt({ say: "Awake again." }));
    await view.idle(from);
    assert.match(JSON.stringify(view.frames.slice(from)), /Awake again\./);
    device.close();
    await again[Symbol.asyncDispose]();
    assert.match((await run(["agents"])).output, /No agents run/);
  });
});
