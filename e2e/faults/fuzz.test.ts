import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { commands, ServerFrame } from "@claude-companion/protocol";
import { WebSocket } from "ws";
import { callApi } from "../kit/api.ts";
import { makePlace, startServer, token } from "../kit/server.ts";
import { fuzzFrame, fuzzUpgrade } from "./fuzz.ts";
import { createRandom, type Random } from "./random.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const wanted = process.env.CI === undefined ? 50_000 : 200_000;
/** A connection that sends nothing but nonsense is ended after fifty. */
const perConnection = 45;
const growthMegabytesMax = 32;
const startsPrograms = /Git|^(stage|commit|find)Files$|^discardChanges$|^listProjects$/;

test(`[FLT-4] frames and upgrade requests that nobody should send, seed ${seed}: no crash, no leak, every answer in the schema`, {
  timeout: 600_000,
}, async (t) => {
  const random = createRandom(seed);
  await using place = await makePlace("http://127.0.0.1:9");
  // Without a CLI nothing is started, however many messages find a session.
  await using server = await startServer(place, {
    CLAUDE_CLI_PATH: "/nowhere/claude",
    COMMANDS_PER_SECOND: "1000000",
    SESSIONS_MAX: "50",
    CONNECTIONS_PER_ADDRESS: "10000",
  });
  const sessionId = randomUUID();
  const device = await server.device("owner");
  await device.request("createSession", { sessionId, workingDirectory: place.project });
  device.close();
  // The examples of the documentation, about a session and a directory that are there.
  const examples = Object.entries(commands).flatMap(([type, { example }]) => {
    const data: Record<string, unknown> = { ...example.data };
    if ("sessionId" in data) data.sessionId = sessionId;
    for (const name of ["workingDirectory", "directory"]) if (name in data) data[name] = place.project;
    // What starts a program each time comes seldom, or nothing else would come.
    return Array.from({ length: startsPrograms.test(type) ? 1 : 20 }, () => ({ type, requestId: "fuzz", data }));
  });
  assert.ok(examples.length > 400);
  let errors = "";
  server.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
    // What it refused is a warning and comes in thousands; what it did wrong must not be lost among them.
    const lines = text.split("\n").filter((line) => !line.includes('"level":"warn"'));
    errors = (errors + lines.join("\n")).slice(0, 10_000);
  });
  const counts = { frames: 0, upgrades: 0, answers: 0 };
  const wrong = new Set<string>();
  function look(raw: string): void {
    counts.answers += 1;
    const frame = ServerFrame.safeParse(JSON.parse(raw));
    if (!frame.success) wrong.add(`not in the schema: ${raw.slice(0, 300)}`);
    else if (frame.data.type === "error" && frame.data.data.code === "INTERNAL") wrong.add(raw.slice(0, 300));
  }
  /** One connection: a burst, then a question that must be answered unless the connection was ended for the burst. */
  async function burst(own: Random): Promise<void> {
    const ws = new WebSocket(`${server.url.replace("http", "ws")}/ws?token=${token}`, { perMessageDeflate: false });
    await new Promise<void>((resolve) => {
      ws.on("error", () => {});
      ws.on("close", () => resolve());
      ws.on("message", (raw) => {
        look(String(raw));
        if (String(raw).includes('"the-end"')) ws.terminate();
      });
      ws.on("open", () => {
        for (let i = 0; i < perConnection; i++) ws.send(fuzzFrame(own, examples));
        ws.send(JSON.stringify({ type: "ping", requestId: "the-end" }));
      });
    });
    counts.frames += perConnection;
  }
  async function upgrade(own: Random): Promise<void> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    counts.upgrades += 1;
    await new Promise<void>((resolve) => {
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      // An answer, or the end: either way we have seen enough.
      socket.on("data", () => socket.destroy());
      socket.write(fuzzUpgrade(own, token), "latin1", () => setTimeout(() => socket.destroy(), 200).unref());
    });
  }
  const heap = async () => {
    const { body } = await callApi(`${server.url}/metrics`, { token });
    return Number(/^v8js_memory_heap_used_bytes (\S+)/m.exec(String(body))?.[1]) / 2 ** 20;
  };
  /** The least that the heap held meanwhile: what is left when the collector has just been there. */
  async function leastHeap(work: Promise<unknown>): Promise<number> {
    let least = await heap();
    let isDone = false;
    void work.finally(() => (isDone = true));
    while (!isDone) {
      await sleep(100);
      least = Math.min(least, await heap());
    }
    return least;
  }
  async function attack(until: number): Promise<void> {
    const own = random.fork();
    while (counts.frames + counts.upgrades < until) {
      await burst(own);
      for (let i = 0; i < 5; i++) await upgrade(own);
    }
  }
  const attackers = (until: number) => Promise.all(Array.from({ length: 4 }, () => attack(until)));
  await attackers(wanted / 4);
  const before = await leastHeap(attackers(wanted / 2));
  await attackers((wanted * 3) / 4);
  const after = await leastHeap(attackers(wanted));
  t.diagnostic(
    `${JSON.stringify(counts)}, heap ${before.toFixed(1)} MB in the second quarter, ${after.toFixed(1)} MB in the last`,
  );
  assert.deepEqual([...wrong].slice(0, 5), [], `${[...wrong].slice(0, 5).join("\n")}\n${errors}`);
  assert.equal(server.process.exitCode, null, errors);
  assert.doesNotMatch(errors, /"level":(50|60)|[Uu]nhandled/);
  assert.ok(after - before < growthMegabytesMax, `it grew by ${Math.round(after - before)} MB`);
  assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
});
