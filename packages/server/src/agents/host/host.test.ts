import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isDead } from "../../../../../e2e/kit/processes.ts";
import { createBacklog } from "./backlog.ts";
import { type AgentHosts, type AgentLink, createAgentHosts } from "./client.ts";
import { createFrameReader, encodeLines, encodeMessage, type Frame } from "./frames.ts";
import type { Exit } from "./hosted-process.ts";

/** Echoes its input, line by line; `count N` says N lines; `exit N` ends it. */
const program = `
  process.stdin.setEncoding("utf8");
  let text = "";
  process.stdin.on("data", (chunk) => {
    text += chunk;
    for (let end = text.indexOf("\\n"); end !== -1; end = text.indexOf("\\n")) {
      const [word, number] = text.slice(0, end).split(" ");
      text = text.slice(end + 1);
      if (word === "count") for (let i = 1; i <= Number(number); i++) console.log("line " + i + " " + "x".repeat(1000));
      else if (word === "exit") process.exit(Number(number));
      else console.log("echo " + word);
    }
  });
  process.stdin.on("end", () => process.exit(0));
`;

describe("the agent host", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "companion-host-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const hostsIn = (name: string, version = "1") =>
    createAgentHosts({ directory: join(directory, name), owner: name, version, environment: process.env });
  function start(hosts: AgentHosts, key: string, change: { command?: string; aloneMs?: number } = {}) {
    return listen((listener) =>
      hosts.start(
        {
          key,
          name: key,
          command: change.command ?? process.execPath,
          args: ["-e", program],
          workingDirectory: directory,
          environment: {},
          aloneMs: change.aloneMs ?? 60_000,
        },
        listener,
      ),
    );
  }
  async function attach(hosts: AgentHosts, key: string) {
    const held = (await hosts.list()).find((agent) => agent.key === key);
    assert.ok(held, `${key} is held`);
    return listen((listener) => hosts.attach(held, listener));
  }

  test("[HST-1] what an agent says comes in order, and it goes on when its server is gone: the next one gets all that nobody stored, and what it was asked meanwhile", async () => {
    const first = hostsIn("a");
    const one = await start(first, "s1");
    one.link.input("one\ncount 3\n", []);
    await one.until(4);
    one.link.stored(2, [1], "a note");
    one.link.input("two\n", []);
    one.link.detach();
    first.close();
    const second = hostsIn("a");
    const again = await attach(second, "s1");
    assert.equal(again.link.note, "a note");
    await again.until(4);
    assert.deepEqual(
      again.lines.map(({ number, line }) => `${number} ${line.split(" x")[0]?.trim()}`),
      ["1 echo one", "3 line 2", "4 line 3", "5 echo two"],
    );
    // Answered: one step with the answer.
    again.link.input("three\n", [1]);
    await again.until(5);
    again.link.detach();
    const third = await attach(second, "s1");
    await third.until(4);
    assert.equal(third.lines[0]?.number, 3);
    third.link.endInput();
    assert.equal((await third.exited)?.code, 0);
    third.link.collect();
    second.close();
  });

  test("[HST-2] an agent that ends while nobody is there is held, with its last words, until they are collected", async () => {
    const first = hostsIn("b");
    const one = await start(first, "s1");
    one.link.input("last\nexit 3\n", []);
    one.link.detach();
    const hosts = hostsIn("b");
    for (;;) {
      const [held] = await hosts.list();
      if (held?.exit !== undefined) break;
    }
    const again = await attach(hosts, "s1");
    const exit = await again.exited;
    assert.deepEqual([exit?.code, exit?.asked], [3, false]);
    assert.deepEqual(
      again.lines.map(({ line }) => line),
      ["echo last\n"],
    );
    // Its words are stored, and the server dies before its end is.
    again.link.stored(1, [], "");
    again.link.detach();
    const last = await attach(hosts, "s1");
    assert.equal((await last.exited)?.code, 3);
    assert.deepEqual(last.lines, []);
    last.link.collect();
    for (; (await hosts.list()).length > 0; );
    first.close();
    hosts.close();
  });

  test("[HST-3] only the user can reach it, and a second agent of the same key is refused", async () => {
    const hosts = hostsIn("c");
    const one = await start(hosts, "s1");
    const folder = join(directory, "c", "hosts");
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await assert.rejects(start(hosts, "s1"), /has a running agent/);
    await assert.rejects(start(hosts, "s2", { command: "/nowhere/claude" }), { code: "ENOENT" });
    const [held] = await hosts.list();
    assert.ok(held);
    await hosts.end(held);
    assert.equal((await one.exited)?.asked, true);
    one.link.collect();
    hosts.close();
  });

  test("[HST-4] killed, it takes its agents with it, and each of them is told as dead; the next agent gets another host", async () => {
    const hosts = hostsIn("d");
    const one = await start(hosts, "s1");
    const [name] = await readdir(join(directory, "d", "hosts"));
    process.kill(Number(name?.split(".")[0]), "SIGKILL");
    assert.equal(await one.exited, undefined);
    assert.ok(await isDead(one.link.pid));
    const two = await start(hosts, "s1");
    two.link.input("hello\n", []);
    await two.until(1);
    await two.finish();
    hosts.close();
  });

  test("[HST-5] a host of another version keeps its agents, and new ones go to a new one", async () => {
    const old = hostsIn("e", "1");
    const one = await start(old, "s1");
    const hosts = hostsIn("e", "2");
    const two = await start(hosts, "s2");
    const held = await hosts.list();
    assert.deepEqual(new Set(held.map(({ key }) => key)), new Set(["s1", "s2"]));
    assert.equal(new Set(held.map(({ socketPath }) => socketPath)).size, 2);
    one.link.detach();
    const again = await attach(hosts, "s1");
    again.link.input("still here\n", []);
    await again.until(1);
    await again.finish();
    await two.finish();
    old.close();
    hosts.close();
  });

  test("[HST-6] words that are not ours, and questions that it does not know, do it no harm", async () => {
    const hosts = hostsIn("f");
    const one = await start(hosts, "s1");
    const [held] = await hosts.list();
    assert.ok(held);
    for (const bytes of [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.alloc(64, 255),
      encodeMessage({ type: "dance" }),
    ]) {
      const socket = connect(held.socketPath);
      const answers: Frame[] = [];
      socket.on(
        "data",
        createFrameReader((frame) => answers.push(frame)),
      );
      socket.on("error", () => {});
      socket.end(bytes);
      await new Promise((resolve) => socket.once("close", resolve));
    }
    one.link.input("hello\n", []);
    await one.until(1);
    await one.finish();
    hosts.close();
  });

  test("[HST-7] an agent that is silent for long while no server is there is ended", async () => {
    const first = hostsIn("g");
    const one = await start(first, "s1", { aloneMs: 50 });
    one.link.detach();
    const hosts = hostsIn("g");
    for (;;) {
      const [held] = await hosts.list();
      if (held?.exit !== undefined) break;
    }
    const again = await attach(hosts, "s1");
    assert.equal((await again.exited)?.asked, true);
    again.link.collect();
    first.close();
    hosts.close();
  });

  test("[HST-8] what is not stored goes to disk past a limit and comes back in order; a full store makes the agent wait", () => {
    const path = join(directory, "backlog");
    const backlog = createBacklog({ path, memoryBytesMax: 1_000, diskBytesMax: 5_000 });
    const line = (i: number) => Buffer.from(`${i} ${"y".repeat(96)}\n`);
    for (let i = 1; i <= 60; i++) backlog.add(line(i));
    assert.equal(existsSync(path), true);
    assert.equal(backlog.hasRoom, false);
    const read = () => {
      const numbers: number[] = [];
      for (let next = backlog.after(0); next !== undefined; next = backlog.after(next.number)) {
        assert.equal(next.line.toString(), line(next.number).toString());
        numbers.push(next.number);
      }
      return numbers;
    };
    assert.deepEqual(
      read(),
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    backlog.stored(50, [7, 12]);
    assert.equal(backlog.hasRoom, true);
    assert.deepEqual(read(), [7, 12, ...Array.from({ length: 10 }, (_, i) => i + 51)]);
    backlog.settle([7]);
    backlog.stored(60, []);
    assert.deepEqual([read(), backlog.bytes], [[], 0]);
    backlog.close();
    assert.equal(existsSync(path), false);
    const nowhere = createBacklog({ path: join(directory, "no", "such"), memoryBytesMax: 200, diskBytesMax: 5_000 });
    for (let i = 1; i <= 3; i++) nowhere.add(line(i));
    assert.equal(nowhere.hasRoom, false, "a disk that refuses is full");
    assert.equal(nowhere.after(2)?.line.toString(), line(3).toString());
    nowhere.stored(3, []);
    assert.equal(nowhere.hasRoom, true);
  });

  test("[HST-9] frames are whole however they are cut", () => {
    const bytes = Buffer.concat([
      encodeMessage({ type: "a", text: "ä".repeat(1_000) }),
      encodeLines([{ number: 281_474_976_710_655, line: Buffer.from("x\n") }]),
      encodeMessage({ type: "b" }),
    ]);
    for (const size of [1, 2, 7, 100, bytes.length]) {
      const frames: Frame[] = [];
      const read = createFrameReader((frame) => frames.push(frame));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      assert.deepEqual(
        frames.map((frame) => (frame.kind === "line" ? [frame.number, frame.line.toString()] : frame.message.type)),
        ["a", [281_474_976_710_655, "x\n"], "b"],
      );
    }
  });
});

/** Attached, with everything that came. */
async function listen(meet: (listener: Parameters<AgentHosts["start"]>[1]) => Promise<AgentLink>) {
  const lines: { number: number; line: string }[] = [];
  const exited = Promise.withResolvers<Exit | undefined>();
  let look = () => {};
  const link = await meet({
    onLine(number, line) {
      lines.push({ number, line: line.toString() });
      look();
    },
    onExit: exited.resolve,
  });
  link.flow();
  return {
    link,
    lines,
    exited: exited.promise,
    /** Its input ends, and with it the agent. */
    async finish() {
      link.endInput();
      await exited.promise;
      link.collect();
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        look = () => lines.length >= count && resolve();
        look();
      }),
  };
}
