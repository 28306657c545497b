import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Script } from "../agents/index.ts";
import { eventually, pass, start, user } from "./sessions.fixture.ts";

describe("agents that run at once", () => {
  /** An agent works until it is let go, by the text that it was sent. */
  function works() {
    const gates = new Map<string, () => void>();
    const script: Script = async (agent, text) => {
      await agent.until(new Promise<void>((resolve) => gates.set(text, resolve)));
      await agent.say(text);
    };
    return { script, isAtWork: (text: string) => gates.has(text), letGo: (text: string) => gates.get(text)?.() };
  }
  const sessionIn = async (world: Awaited<ReturnType<typeof start>>) =>
    (await world.create({ reuse: false })).session.record.sessionId;

  test("[CRW-1] an idle agent makes room, the one that was idle for longest; where all work, the next ones wait in order and say so", async () => {
    const { script, isAtWork, letGo } = works();
    const world = await start({ script, limits: { agentsMax: 2 } });
    const [a, b, c, d] = [
      await sessionIn(world),
      await sessionIn(world),
      await sessionIn(world),
      await sessionIn(world),
    ] as const;
    const found = async (id: string) => world.sessions.find(user, id);
    const stateOf = async (id: string) => (await found(id))?.status;
    for (const [id, text] of [
      [a, "a"],
      [b, "b"],
    ] as const) {
      await world.send(id, text);
      await eventually(() => isAtWork(text));
      letGo(text);
      await eventually(async () => (await stateOf(id)) === "idle");
      await pass(world.clock, 1, 1_000);
    }
    await world.send(c, "c");
    await eventually(() => isAtWork("c"));
    assert.deepEqual([await stateOf(a), await stateOf(b)], ["hibernated", "idle"]);
    await world.send(b, "b2");
    await eventually(() => isAtWork("b2"));
    await world.send(d, "d");
    await world.send(a, "a2");
    await eventually(async () => (await found(a))?.obstacle?.kind === "crowd");
    assert.equal((await found(d))?.obstacle?.kind, "crowd");
    const session = await world.sessions.get(user, a);
    await assert.rejects(
      session.consult(async () => 1),
      { code: "OVERLOADED" },
    );
    letGo("c");
    await eventually(() => isAtWork("d"));
    assert.equal((await found(d))?.obstacle, undefined);
    assert.equal(isAtWork("a2"), false);
    letGo("b2");
    await eventually(() => isAtWork("a2"));
    letGo("a2");
    letGo("d");
    await world.sessions.close();
  });

  test("[CRW-2] a session that waits for room can be ended, and its place goes to the next", async () => {
    const { script, isAtWork, letGo } = works();
    const world = await start({ script, limits: { agentsMax: 1 } });
    const [a, b, c] = [await sessionIn(world), await sessionIn(world), await sessionIn(world)] as const;
    await world.send(a, "a");
    await eventually(() => isAtWork("a"));
    await world.send(b, "b");
    await world.send(c, "c");
    await eventually(async () => (await world.sessions.find(user, c))?.obstacle !== undefined);
    await (await world.sessions.get(user, b)).end("endedByUser");
    letGo("a");
    await eventually(() => isAtWork("c"));
    assert.equal(isAtWork("b"), false);
    await world.sessions.close();
  });

  test("[CRW-3] too little memory puts idle agents to sleep and lets new ones wait, but for the only one", async () => {
    const { script, isAtWork, letGo } = works();
    const world = await start({ script });
    const [a, b] = [await sessionIn(world), await sessionIn(world)] as const;
    world.memory.free = 10;
    assert.equal(world.sessions.memoryShort, 10);
    await world.send(a, "a");
    await eventually(() => isAtWork("a"));
    await world.send(b, "b");
    await eventually(async () => (await world.sessions.find(user, b))?.obstacle?.kind === "memory");
    world.memory.free = 1_000_000;
    await pass(world.clock, 6, 1_000);
    await eventually(() => isAtWork("b"));
    letGo("a");
    letGo("b");
    await eventually(async () => (await world.sessions.list(user)).every(({ status }) => status === "idle"));
    world.memory.free = 10;
    await pass(world.clock, 6, 1_000);
    await eventually(
      async () => (await world.sessions.list(user)).filter(({ status }) => status === "hibernated").length === 1,
    );
    await world.sessions.close();
  });
});
