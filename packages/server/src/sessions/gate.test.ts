import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Script } from "../agents/index.ts";
import { by, eventually, pass, start, user } from "./sessions.fixture.ts";

const dayMs = 86_400_000;

describe("budgets", () => {
  /** A session and what it was asked. */
  async function begin(options: Parameters<typeof start>[0]) {
    const world = await start(options);
    const { session } = await world.create();
    const { sessionId } = session.record;
    const summary = async () => {
      const found = await world.sessions.find(user, sessionId);
      assert.ok(found);
      return found;
    };
    const answered = async (messageId: string) =>
      (await world.events(sessionId)).some(
        ({ type, data }) => type === "messageState" && data.messageId === messageId && data.state === "answered",
      );
    const asked = async () => (await summary()).pendingPermissions.filter(({ kind }) => kind === "budget");
    return {
      ...world,
      session,
      sessionId,
      summary,
      answered,
      asked,
      say: (text: string) => world.send(sessionId, text),
    };
  }

  test("[BUD-1] a session whose budget is used up asks; allowed, it goes on with as much again; declined, the message waits", async () => {
    const world = await begin({ budgets: { session: { turns: 2 } } });
    for (const text of ["one", "two"]) {
      const { messageId } = await world.say(text);
      await eventually(() => world.answered(messageId));
    }
    const { messageId } = await world.say("three");
    await eventually(async () => (await world.asked()).length === 1);
    const [request] = await world.asked();
    assert.ok(request);
    assert.equal(request.title, "This session has taken 2 turns of 2 turns. Go on with another 2 turns?");
    assert.equal((await world.summary()).obstacle?.kind, "budget");
    await world.session.respond(request.permissionId, { decision: "deny" }, by);
    await pass(world.clock, 3, 1_000);
    assert.deepEqual([(await world.asked()).length, await world.answered(messageId)], [0, false]);
    assert.equal((await world.summary()).queuedMessages, 1);
    const fourth = await world.say("four");
    await eventually(async () => (await world.asked()).length === 1);
    const [again] = await world.asked();
    assert.ok(again);
    await world.session.respond(again.permissionId, { decision: "allow" }, by);
    await eventually(async () => (await world.answered(messageId)) && (await world.answered(fourth.messageId)));
    assert.equal((await world.summary()).obstacle, undefined);
    await world.say("five");
    await eventually(async () => (await world.asked()).length === 1);
    assert.match((await world.asked())[0]?.title ?? "", /4 turns of 4 turns/);
    const decided = (await world.events(world.sessionId)).filter(({ type }) => type === "permissionResolved");
    assert.deepEqual(
      decided.map(({ data }) => data.decision),
      ["deny", "allow"],
    );
  });

  test("[BUD-2] a raised budget, or another day, lets go what waits, and what was asked is taken back", async () => {
    const world = await begin({ budgets: { day: { turns: 1 } } });
    const first = await world.say("one");
    await eventually(() => world.answered(first.messageId));
    const { messageId } = await world.say("two");
    await eventually(async () => (await world.asked()).length === 1);
    await pass(world.clock, 1, dayMs);
    await eventually(() => world.answered(messageId));
    assert.equal((await world.asked()).length, 0);
    const own = await begin({ budgets: { session: { turns: 1 } } });
    const before = await own.say("one");
    await eventually(() => own.answered(before.messageId));
    const waits = await own.say("two");
    await eventually(async () => (await own.asked()).length === 1);
    await own.session.describe({ budget: { turns: 5 } });
    await eventually(() => own.answered(waits.messageId));
    assert.deepEqual([(await own.asked()).length, (await own.summary()).obstacle], [0, undefined]);
  });

  test("[BUD-3] what a budget asked is asked once, also through a restart, and can be answered then", async () => {
    const first = await begin({ budgets: { session: { turns: 1 } } });
    const one = await first.say("one");
    await eventually(() => first.answered(one.messageId));
    const { messageId } = await first.say("two");
    await eventually(async () => (await first.asked()).length === 1);
    await first.sessions.close();
    const next = await start({ storage: first.storage, root: first.root, budgets: { session: { turns: 1 } } });
    const session = await next.sessions.get(user, first.sessionId);
    await eventually(() => session.pendingPermissions.length > 0);
    await pass(next.clock, 3, 1_000);
    const asked = (await next.events(first.sessionId)).filter(({ type }) => type === "permissionRequest");
    assert.equal(asked.length, 1);
    const [request] = session.pendingPermissions;
    assert.ok(request);
    await session.respond(request.permissionId, { decision: "allow" }, by);
    await eventually(async () =>
      (await next.events(first.sessionId)).some(
        ({ type, data }) => type === "messageState" && data.messageId === messageId && data.state === "answered",
      ),
    );
  });

  test("[BUD-4] a turn that runs is not stopped by a budget, and can be steered", async () => {
    let go = () => {};
    const running = new Promise<void>((resolve) => {
      go = resolve;
    });
    const script: Script = async (agent, text) => {
      if (text === "long") await agent.until(running);
      await agent.say(text);
    };
    const world = await begin({ script, budgets: { session: { costUsd: 0.01, turns: 1 } } });
    await world.say("long");
    await eventually(() => world.session.state.name === "running");
    const steered = await world.send(world.sessionId, "stop that", undefined, "steer");
    go();
    await eventually(() => world.answered(steered.messageId));
    assert.equal((await world.asked()).length, 0);
  });

  test("[BUD-5] a usage limit is an obstacle until a turn succeeds; a session that goes on by itself keeps its messages until then", async () => {
    const text = "The usage limit is reached.";
    const world = await begin({
      script: async (agent, said) => {
        if (said !== "one") return agent.say(said);
        agent.emit({ kind: "obstacle", obstacle: { kind: "usageLimit", text, untilMs: world.clock.now() + 60_000 } });
        await agent.until(new Promise<void>(() => {}));
      },
    });
    await world.session.describe({ continueAfterLimit: true });
    await world.say("one");
    await eventually(async () => (await world.summary()).obstacle?.kind === "usageLimit");
    // What is cut off is no success.
    await world.session.interrupt();
    await eventually(async () => (await world.summary()).status === "idle");
    const { messageId } = await world.say("two");
    await pass(world.clock, 5, 1_000);
    assert.equal(await world.answered(messageId), false);
    await pass(world.clock, 6, 10_000);
    await eventually(() => world.answered(messageId));
    const told = (await world.events(world.sessionId)).flatMap(({ type, data }) =>
      type === "sessionUpdated" && "obstacle" in data ? [(data.obstacle as { kind: string } | null)?.kind] : [],
    );
    assert.deepEqual(told, ["usageLimit", undefined]);
  });
});
