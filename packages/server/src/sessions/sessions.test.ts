import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { AgentEvent, Script } from "../agents/index.ts";
import { by, eventually, pass, start, turn, user } from "./sessions.fixture.ts";
import { nextState, type Occurrence, type SessionState } from "./state.ts";

/** The events of an agent, and those that a test puts among them. */
function createEvents(own: AsyncIterable<AgentEvent>) {
  const extra: AgentEvent[] = [];
  let wake = () => {};
  async function* events() {
    const iterator = own[Symbol.asyncIterator]();
    let next = iterator.next();
    for (;;) {
      yield* extra.splice(0);
      const woken = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined);
      });
      const came = await Promise.race([next, woken]);
      if (came === undefined) continue;
      if (came.done) return;
      yield came.value;
      next = iterator.next();
    }
  }
  return {
    events: events(),
    push(event: AgentEvent) {
      extra.push(event);
      wake();
    },
  };
}
const toolUse = { messageId: "m", blockIndex: 0, name: "Bash", input: {} };
const types = (events: { type: string }[]) => events.map(({ type }) => type);

describe("sessions", () => {
  test("[SES-1] the state machine: what can happen, and what a late word does not change", () => {
    const states: SessionState[] = [
      { name: "starting" },
      { name: "idle" },
      { name: "running" },
      { name: "waiting" },
      { name: "hibernated", reason: undefined },
      { name: "failed", reason: "f" },
      { name: "ended", reason: "e" },
    ];
    const table: Record<Occurrence["type"], string[]> = {
      opening: ["starting", "idle", "running", "waiting", "starting", "starting", "ended"],
      agentIdle: ["idle", "idle", "idle", "idle", "hibernated", "failed", "ended"],
      agentRunning: ["running", "running", "running", "waiting", "hibernated", "failed", "ended"],
      permissionAsked: ["waiting", "waiting", "waiting", "waiting", "hibernated", "failed", "ended"],
      permissionsAnswered: ["starting", "idle", "running", "running", "hibernated", "failed", "ended"],
      slept: ["hibernated", "hibernated", "hibernated", "hibernated", "hibernated", "hibernated", "ended"],
      agentFailed: ["failed", "failed", "failed", "failed", "failed", "failed", "ended"],
      ended: ["ended", "ended", "ended", "ended", "ended", "ended", "ended"],
    };
    for (const [type, expected] of Object.entries(table)) {
      assert.deepEqual(
        states.map((state) => nextState(state, { type, reason: "r" } as Occurrence).name),
        expected,
        type,
      );
    }
  });

  test("[SES-2] one active session for a user, directory and agent, also when asked twice at once; another if wanted", async () => {
    const world = await start();
    const [a, b] = await Promise.all([world.create(), world.create()]);
    assert.equal(a.session.record.sessionId, b.session.record.sessionId);
    assert.notEqual(a.reused, b.reused);
    const other = await world.create({ reuse: false });
    assert.notEqual(other.session.record.sessionId, a.session.record.sessionId);
    const named = randomUUID();
    const [c, d] = [
      await world.create({ reuse: false, sessionId: named }),
      await world.create({ reuse: false, sessionId: named }),
    ];
    assert.deepEqual([c.session.record.sessionId, d.session.record.sessionId, d.reused], [named, named, true]);
    const somebody = await world.create({ user: "bob" });
    assert.equal(somebody.reused, false);
    await world.sessions.close();
  });

  test("[SES-3] a session of another user does not exist", async () => {
    const world = await start();
    const { session } = await world.create();
    const { sessionId } = session.record;
    await assert.rejects(world.sessions.get("bob", sessionId), { code: "SESSION_NOT_FOUND" });
    assert.deepEqual(await world.sessions.list("bob"), []);
    assert.equal(await world.sessions.find("bob", sessionId), undefined);
    await assert.rejects(world.create({ user: "bob", reuse: false, sessionId }), { code: "CONFLICT" });
    await world.sessions.close();
  });

  test("[SES-4] a user has at most so many sessions; an ended one makes room", async () => {
    const world = await start({ limits: { sessionsPerUser: 2 } });
    const first = await world.create({ reuse: false });
    await world.create({ reuse: false });
    await assert.rejects(world.create({ reuse: false }), { code: "SESSION_LIMIT" });
    await first.session.end("endedByUser");
    await eventually(async () => (await world.sessions.list(user)).length === 1);
    await world.create({ reuse: false });
    await assert.rejects(world.send(first.session.record.sessionId, "x"), { code: "SESSION_ENDED" });
    await world.sessions.close();
  });

  test("[SES-5] a message is answered in order with its fate; sent twice with one id it is worked on once", async () => {
    const world = await start();
    const { session } = await world.create();
    const { sessionId } = session.record;
    const once = randomUUID();
    const sent = await Promise.all([
      world.send(sessionId, "one", once),
      world.send(sessionId, "one", once),
      world.send(sessionId, "two"),
    ]);
    assert.equal(sent[0]?.seq, sent[1]?.seq);
    await eventually(
      async () => (await world.events(sessionId)).filter(({ type }) => type === "turnCompleted").length === 2,
    );
    await eventually(() => session.state.name === "idle");
    assert.deepEqual([...world.provider.worked.values()], [["one", "two"]]);
    const fates = (await world.events(sessionId))
      .filter(({ type, data }) => type === "messageState" && data.messageId === once)
      .map(({ data }) => data.state);
    assert.deepEqual(fates, ["handedOver", "answered"]);
    assert.equal((await world.sessions.list(user))[0]?.title, "one");
    await world.sessions.close();
  });

  /** A session whose agent works on each message until it is told to go on. */
  async function startHeld() {
    const holds: (() => void)[] = [];
    const world = await start({
      async script(agent) {
        await agent.until(new Promise<void>((resolve) => holds.push(resolve)));
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    const worked = () => [...world.provider.worked.values()].flat();
    return {
      ...world,
      session,
      worked,
      say: (text: string, delivery: "queue" | "steer" | "interrupt" = "queue") =>
        world.send(sessionId, text, randomUUID(), delivery).then(({ messageId }) => messageId),
      goOn: () => holds.shift()?.(),
      until: (count: number) => eventually(() => worked().length === count),
      fates: async (messageId: string) =>
        (await world.events(sessionId))
          .filter(({ type, data }) => type === "messageState" && data.messageId === messageId)
          .map(({ data }) => data.state),
    };
  }

  test("[SES-17] what is sent to an agent at work waits, is seen, can be moved and taken back until it is handed over, and each has a turn of its own", async () => {
    const world = await startHeld();
    const { session } = world;
    const first = await world.say("first");
    await world.until(1);
    const ids = [];
    for (const text of ["a", "b", "c"]) ids.push(await world.say(text));
    const [a = "", b = "", c = ""] = ids;
    assert.deepEqual(
      session.queue.map(({ content }) => content),
      ["a", "b", "c"],
    );
    assert.equal(session.queuedMessages, 3);
    await session.withdraw(b);
    assert.deepEqual(await session.move(c, a), [c, a]);
    assert.deepEqual(await session.move(c, undefined), [a, c]);
    assert.deepEqual(await session.move(c, a), [c, a]);
    for (const refused of [
      session.withdraw(first),
      session.withdraw(b),
      session.move(first, a),
      session.move(a, b),
      session.withdraw(randomUUID()),
    ])
      await assert.rejects(refused, { code: "CONFLICT" });
    world.goOn();
    await world.until(2);
    await assert.rejects(session.withdraw(c), { code: "CONFLICT" });
    assert.deepEqual(world.worked(), ["first", "c"]);
    world.goOn();
    await world.until(3);
    world.goOn();
    await eventually(() => session.state.name === "idle");
    assert.deepEqual(world.worked(), ["first", "c", "a"]);
    assert.deepEqual(await world.fates(b), ["withdrawn"]);
    const orders = (await world.events(session.record.sessionId))
      .filter(({ type }) => type === "queueChanged")
      .map(({ data }) => data.messageIds);
    assert.deepEqual(orders, [
      [c, a],
      [a, c],
      [c, a],
    ]);
    // The order outlives the server.
    await world.say("last");
    await world.until(4);
    const [d, e] = [await world.say("d"), await world.say("e")];
    await session.move(e, d);
    const stored = await world.storage.records.messages.list(session.record.sessionId);
    const waiting = stored.filter(({ state }) => state === "queued").sort((one, two) => one.order - two.order);
    assert.deepEqual(
      waiting.map(({ content }) => content),
      ["e", "d"],
    );
  });

  test("[SES-18] a message that interrupts ends the turn and goes first; one that steers goes at once", async () => {
    const world = await startHeld();
    const { session } = world;
    const first = await world.say("first");
    await world.until(1);
    await world.say("waits");
    const urgent = await world.say("urgent", "interrupt");
    await world.until(2);
    assert.deepEqual(world.worked(), ["first", "urgent"]);
    await eventually(async () => (await world.fates(first)).join() === "handedOver,failed");
    await eventually(async () => (await world.fates(urgent)).join() === "handedOver");
    // The one that was interrupted waits for nothing any more.
    world.goOn();
    const steering = await world.say("steering", "steer");
    await assert.rejects(session.withdraw(steering), { code: "CONFLICT" });
    assert.deepEqual(
      session.queue.map(({ content }) => content),
      ["waits"],
    );
    for (let count = 3; count <= 4; count++) {
      world.goOn();
      await world.until(count);
    }
    assert.deepEqual(world.worked(), ["first", "urgent", "steering", "waits"]);
    world.goOn();
    await eventually(() => session.state.name === "idle");
  });

  test("[SES-6] an idle session hibernates and the next message wakes it; background work keeps it awake", async () => {
    const world = await start({
      async script(agent, text) {
        agent.background(text === "work" ? 1 : 0);
        await agent.say("ok");
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "work");
    await eventually(() => session.state.name === "idle");
    world.clock.pass(120_000);
    await turn();
    assert.equal(world.provider.running(), 1, "background tasks are alive");
    await world.send(sessionId, "rest");
    await eventually(
      async () => (await world.events(sessionId)).filter(({ type }) => type === "turnCompleted").length === 2,
    );
    await eventually(() => session.state.name === "idle");
    world.clock.pass(61_000);
    await eventually(() => world.provider.running() === 0);
    await eventually(async () => (await world.sessions.list(user))[0]?.status === "hibernated");
    // Asleep, it is a record and nothing else; the next message makes it a session again.
    world.clock.pass(31_000);
    await turn();
    await world.send(sessionId, "again");
    await eventually(
      async () => (await world.events(sessionId)).filter(({ type }) => type === "turnCompleted").length === 3,
    );
    await world.sessions.close();
  });

  test("[SES-7] sessions that nobody used for long expire", async () => {
    const world = await start();
    const { session } = await world.create();
    world.clock.pass(80_000_000);
    await world.sessions.expire();
    assert.equal((await world.sessions.list(user)).length, 1);
    world.clock.pass(10_000_000);
    await world.sessions.expire();
    assert.deepEqual(await world.sessions.list(user), []);
    assert.deepEqual((await world.events(session.record.sessionId)).at(-1)?.data, {
      status: "ended",
      reason: "expired",
      permissionMode: "default",
    });
    await world.sessions.close();
  });

  test("[SES-11] a message that comes while the agent is being put to sleep is worked on by the next one", async () => {
    const world = await start();
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "first");
    await eventually(() => session.state.name === "idle");
    const asleep = session.sleep(undefined);
    await world.send(sessionId, "while falling asleep");
    await asleep;
    await eventually(() => [...world.provider.worked.values()].flat().length === 2);
    await eventually(() => session.state.name === "idle");
    assert.equal(session.queuedMessages, 0);
    await world.sessions.close();
  });

  test("[SES-12] an agent that does not answer an interrupt does not keep the person waiting", async () => {
    const world = await start({ script: (agent) => agent.until(new Promise<never>(() => {})) });
    const open = world.provider.open.bind(world.provider);
    world.provider.open = async (options) => ({
      ...(await open(options)),
      interrupt: () => new Promise<never>(() => {}),
    });
    const { session } = await world.create();
    await world.send(session.record.sessionId, "go");
    await eventually(() => session.state.name === "running");
    const interrupting = session.interrupt();
    await turn();
    world.clock.pass(10_000);
    await assert.rejects(interrupting, { code: "AGENT_FAILED", message: /no answer for 10 s/ });
    await world.sessions.close();
  });

  test("[SES-13] a turn in which nothing is heard of the agent is told once, with what can be done; a tool at work or a word in between is no silence", async () => {
    const next = Promise.withResolvers<void>();
    const world = await start({
      async script(agent) {
        agent.emit({ kind: "durable", id: "use", event: { type: "toolUse", data: { ...toolUse, toolUseId: "t1" } } });
        await agent.until(next.promise);
        agent.emit({
          kind: "durable",
          id: "result",
          event: { type: "toolResult", data: { toolUseId: "t1", content: "", isError: false } },
        });
        await agent.until(new Promise<never>(() => {}));
      },
    });
    // What it says of itself names the tools at work, as the real one does.
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "go");
    await eventually(async () => types(await world.events(sessionId)).includes("toolUse"));
    const silences = async () =>
      (await world.events(sessionId)).filter(({ type, data }) => type === "agentNotice" && data.kind === "silent");
    await pass(world.clock, 20, 60_000);
    assert.equal((await silences()).length, 0, "a tool is at work");
    next.resolve();
    await eventually(async () => types(await world.events(sessionId)).includes("toolResult"));
    await pass(world.clock, 4, 60_000);
    assert.equal((await silences()).length, 0);
    await pass(world.clock, 10, 60_000);
    const [told, ...more] = await silences();
    assert.equal(more.length, 0);
    assert.match(String(told?.data.text), /Wait, interrupt the turn, or restart the agent/);
    await world.sessions.close();
  });

  test("[SES-16] while a person is asked, the agent's silence is no news; a question that it no longer asks is closed", async () => {
    const world = await start({ script: (agent) => agent.ask({ permissionId: "p1" }).then(() => {}) });
    const open = world.provider.open.bind(world.provider);
    const asking = { permissions: ["p1"] };
    world.provider.open = async (options) => {
      const agent = await open(options);
      const emit = createEvents(agent.events);
      return {
        ...agent,
        events: emit.events,
        inquire: async () => emit.push({ kind: "standing", state: "requiresAction", tools: ["t1"], ...asking }),
      };
    };
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "go");
    await eventually(() => session.state.name === "waiting");
    await pass(world.clock, 30, 60_000);
    assert.equal(session.pendingPermissions.length, 1);
    assert.equal(types(await world.events(sessionId)).includes("agentNotice"), false);
    asking.permissions = [];
    await pass(world.clock, 2, 60_000);
    const resolved = (await world.events(sessionId)).find(({ type }) => type === "permissionResolved");
    assert.deepEqual([resolved?.data.decision, session.pendingPermissions], ["cancelled", []]);
    await world.sessions.close();
  });

  test("[SES-14] an agent that does not even say where it stands is told at once; restarted, what it worked on is told as failed and what waited goes on", async () => {
    const world = await start({
      script: (agent, text) => (text === "hang" ? agent.until(new Promise<never>(() => {})) : agent.say("well")),
    });
    const open = world.provider.open.bind(world.provider);
    world.provider.open = async (options) => ({
      ...(await open(options)),
      inquire: () => new Promise<never>(() => {}),
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    const { messageId } = await world.send(sessionId, "hang");
    await eventually(() => session.state.name === "running");
    const waiting = await world.send(sessionId, "next");
    await pass(world.clock, 8, 10_000);
    const notice = (await world.events(sessionId)).find(({ type }) => type === "agentNotice");
    assert.match(String(notice?.data.text), /does not answer/);
    assert.equal(await session.restartAgent(), true);
    const states = async (id: string) =>
      (await world.events(sessionId)).flatMap(({ type, data }) =>
        type === "messageState" && data.messageId === id ? [String(data.state)] : [],
      );
    await eventually(async () => (await states(waiting.messageId)).includes("answered"));
    assert.deepEqual(await states(messageId), ["handedOver", "failed"]);
    await session.sleep(undefined);
    assert.equal(await session.restartAgent(), false);
    await world.sessions.close();
  });

  test("[SES-15] a message that the agent took and did not answer shows as such, and a state that the agent denies is put right", async () => {
    const world = await start({
      async script(agent, text) {
        if (text !== "forget") return agent.say("well");
        // Of this turn the agent tells the beginning and never the end.
        await agent.until(new Promise<never>(() => {}));
      },
    });
    const open = world.provider.open.bind(world.provider);
    world.provider.open = async (options) => {
      const agent = await open(options);
      const emit = createEvents(agent.events);
      return {
        ...agent,
        events: emit.events,
        inquire: async () => emit.push({ kind: "standing", state: "idle", permissions: [], tools: [] }),
      };
    };
    const { session } = await world.create();
    const { sessionId } = session.record;
    const { messageId } = await world.send(sessionId, "forget");
    await eventually(() => session.state.name === "running");
    for (let i = 0; i < 2; i++) {
      assert.equal(session.state.name, i === 0 ? "running" : "idle");
      await pass(world.clock, 1, 60_000);
    }
    const state = (await world.events(sessionId)).findLast(({ type }) => type === "messageState");
    assert.deepEqual([state?.data.messageId, state?.data.state], [messageId, "indeterminate"]);
    assert.match(String(state?.data.reason), /without having answered it/);
    await world.sessions.close();
  });

  test("[PER-1] a permission waits as a record, any number at once; the first answer wins, and applied is told when it is", async () => {
    const world = await start({
      async script(agent) {
        await Promise.all([
          agent.ask({ permissionId: "p1", title: "One?" }),
          agent.ask({ permissionId: "p2", title: "Two?" }),
        ]);
        await agent.say("done");
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "go");
    await eventually(() => session.pendingPermissions.length === 2);
    assert.equal(session.state.name, "waiting");
    assert.deepEqual(
      (await world.sessions.list(user))[0]?.pendingPermissions.map(({ title }) => title),
      ["One?", "Two?"],
    );
    const answers = await Promise.allSettled([
      session.respond("p2", { decision: "allow" }, by),
      session.respond("p2", { decision: "deny" }, { deviceId: "e", name: "desk" }),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    const refused = answers[1] as PromiseRejectedResult;
    assert.equal(refused.reason.code, "ALREADY_RESOLVED");
    assert.equal(refused.reason.details.outcome.decision, "allow");
    await session.respond("p1", { decision: "deny" }, by);
    await eventually(() => session.state.name === "idle");
    await eventually(async () => types(await world.events(sessionId)).includes("turnCompleted"));
    const told = (await world.events(sessionId))
      .filter(({ type }) => type.startsWith("permission"))
      .map(({ type, data }) => `${type} ${data.permissionId}`);
    assert.deepEqual(
      new Set(told),
      new Set([
        "permissionRequest p1",
        "permissionRequest p2",
        "permissionResolved p2",
        "permissionApplied p2",
        "permissionResolved p1",
        "permissionApplied p1",
      ]),
    );
    const denied = (await world.events(sessionId)).find(
      ({ type, data }) => type === "permissionResolved" && data.permissionId === "p1",
    );
    assert.equal(denied?.data.message, "Declined.", "a deny carries a message");
    await assert.rejects(session.respond("p1", { decision: "allow" }, by), { code: "ALREADY_RESOLVED" });
    await assert.rejects(session.respond("p3", { decision: "allow" }, by), { code: "PERMISSION_NOT_FOUND" });
    await world.sessions.close();
  });

  const suggestion = (scope: "session" | "local", name: string, kind: "rule" | "mode" = "rule") => ({
    kind,
    scope,
    text: `Allow ${name}`,
    value: { name },
  });
  test("[PER-3] allowed always, what was chosen becomes a rule with who, when and for what; rules of a session reach every agent of it; taken back, none", async () => {
    const suggestions = [
      suggestion("session", "a"),
      suggestion("local", "b"),
      suggestion("session", "c"),
      suggestion("session", "d", "mode"),
    ];
    const world = await start({
      async script(agent, text) {
        if (text === "ask") await agent.ask({ permissionId: "p1", suggestions });
        if (text === "once") await agent.ask({ permissionId: "p2", suggestions, canAllowAlways: false });
        if (text === "standard") await agent.ask({ permissionId: "p3", suggestions });
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "ask");
    await eventually(() => session.pendingPermissions.length === 1);
    await assert.rejects(session.respond("p1", { decision: "allowAlways", suggestions: [4] }, by), {
      code: "INVALID_REQUEST",
    });
    const outcome = await session.respond("p1", { decision: "allowAlways", suggestions: [1, 2] }, by);
    assert.deepEqual(outcome.granted, ["Allow b", "Allow c"]);
    await eventually(() => session.state.name === "idle");
    assert.deepEqual(world.provider.rules, [{ name: "c" }]);
    const rules = await world.sessions.rules.list(user);
    assert.deepEqual(new Set(rules.map(({ text }) => text)), new Set(["Allow b", "Allow c"]));
    assert.ok(rules.every((rule) => rule.by.name === by.name && rule.sessionId === sessionId));
    // The next agent of the session is started with it.
    await session.sleep(undefined);
    await world.send(sessionId, "hello");
    await eventually(() => session.state.name === "idle");
    assert.deepEqual(world.provider.rules, [{ name: "c" }]);
    for (const { ruleId } of rules) {
      await assert.rejects(world.sessions.revokeRule("eve", ruleId, by), { code: "NOT_FOUND" });
      await world.sessions.revokeRule(user, ruleId, by);
    }
    assert.deepEqual(world.provider.rules, []);
    assert.deepEqual(world.provider.revoked, [{ name: "b" }]);
    assert.deepEqual(await world.sessions.rules.list(user), []);
    await session.sleep(undefined);
    await world.send(sessionId, "once");
    await eventually(() => session.pendingPermissions.length === 1);
    assert.deepEqual(world.provider.rules, []);
    await assert.rejects(session.respond("p2", { decision: "allowAlways" }, by), { code: "INVALID_REQUEST" });
    await session.respond("p2", { decision: "allow" }, by);
    // Without a choice: all that are rules.
    await world.send(sessionId, "standard");
    await eventually(() => session.pendingPermissions.length === 1);
    const standard = await session.respond("p3", { decision: "allowAlways" }, by);
    assert.deepEqual(standard.granted, ["Allow a", "Allow b", "Allow c"]);
  });

  test("[PER-4] a request that nobody answers is denied when its time is over, if there is one, and says so before", async () => {
    const answers: unknown[] = [];
    const world = await start({
      limits: { permissionExpireAfterMs: 60_000 },
      async script(agent) {
        answers.push(await agent.ask({ permissionId: "p1" }));
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "go");
    await eventually(() => session.pendingPermissions.length === 1);
    assert.equal(session.pendingPermissions[0]?.expiresAt, new Date(world.clock.now() + 60_000).toISOString());
    world.clock.pass(59_000);
    assert.equal(session.pendingPermissions.length, 1);
    world.clock.pass(1_000);
    await eventually(() => session.state.name === "idle");
    assert.deepEqual(answers, [{ decision: "deny", message: "Nobody answered for 1 min, so it was denied." }]);
    const resolved = (await world.events(sessionId)).find(({ type }) => type === "permissionResolved");
    assert.equal(resolved?.data.decision, "expired");
    await assert.rejects(session.respond("p1", { decision: "allow" }, by), { code: "ALREADY_RESOLVED" });
  });

  test("[PER-5] never asking is only set where it is allowed, and is never revived by itself: the next agent asks until a person says so again", async () => {
    const modes: string[] = [];
    const script: Script = (agent) => void modes.push(agent.session.permissionMode);
    const strict = await start({ script });
    await assert.rejects(strict.create({ permissionMode: "bypassPermissions" }), { code: "INVALID_REQUEST" });
    const world = await start({ script, modes: ["bypassPermissions"] });
    const { session } = await world.create({ permissionMode: "bypassPermissions" });
    const { sessionId } = session.record;
    const work = async () => {
      const done = modes.length + 1;
      await world.send(sessionId, `go ${done}`);
      await eventually(() => modes.length === done && session.state.name === "idle");
    };
    await work();
    await session.sleep(undefined);
    await work();
    assert.equal(session.record.permissionMode, "default");
    await session.configure({ permissionMode: "bypassPermissions" }, by);
    await session.sleep(undefined);
    await work();
    assert.deepEqual(modes, ["bypassPermissions", "default", "default"]);
    // Said while no agent runs, it is said of the next one.
    await session.sleep(undefined);
    await session.configure({ permissionMode: "bypassPermissions" }, by);
    await work();
    assert.equal(modes.at(-1), "bypassPermissions");
    const notices = (await world.events(sessionId)).filter(({ type }) => type === "agentNotice");
    assert.equal(notices.length, 2);
  });

  test("[PER-6] every decision stands in the audit log, page by page", async () => {
    const world = await start({
      async script(agent, text) {
        await agent.ask({ permissionId: text, title: `May I ${text}?`, suggestions: [suggestion("local", text)] });
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    const decisions = ["allow", "deny", "allowAlways"] as const;
    for (const decision of decisions) {
      await world.send(sessionId, decision);
      await eventually(() => session.pendingPermissions.length === 1);
      world.clock.pass(1);
      await session.respond(decision, { decision, ...(decision === "allow" ? { updatedInput: { x: 1 } } : {}) }, by);
      await eventually(() => session.state.name === "idle");
    }
    await session.configure({ permissionMode: "plan" }, by);
    const [rule] = await world.sessions.rules.list(user);
    world.clock.pass(1);
    await world.sessions.revokeRule(user, rule?.ruleId ?? "", by);
    const entries = await world.storage.records.audit.page(user, { before: undefined, limit: 100 });
    assert.deepEqual(
      new Set(entries.map(({ action, decision }) => decision ?? action)),
      new Set(["allow", "allowAlways", "deny", "permissionModeChanged", "ruleGiven", "ruleRevoked"]),
    );
    assert.ok(entries.every((entry) => entry.by?.name === by.name && entry.sessionId === sessionId));
    assert.deepEqual(entries.find(({ decision }) => decision === "allow")?.input, { x: 1 });
    assert.equal(entries[0]?.action, "ruleRevoked");
  });

  test("[PER-2] an agent that dies loses what it asked, visibly; what it had said stays, the message is settled, the session goes on", async () => {
    let lives = 0;
    const world = await start({
      async script(agent) {
        lives += 1;
        if (lives > 1) return agent.say("alive again");
        agent.stream("half a sen");
        void agent.ask({ permissionId: "p1" });
        await agent.until(new Promise<void>((resolve) => setImmediate(resolve)));
        await agent.die("out of memory");
      },
    });
    const { session } = await world.create();
    const { sessionId } = session.record;
    const { messageId } = await world.send(sessionId, "go");
    await eventually(() => session.state.name === "failed");
    await eventually(async () => types(await world.events(sessionId)).includes("error"));
    const events = await world.events(sessionId);
    const partial = events.find(({ type }) => type === "assistantMessage");
    assert.deepEqual(
      [partial?.data.partial, JSON.stringify(partial?.data.content)],
      [true, '[{"type":"text","text":"half a sen"}]'],
    );
    const resolved = events.find(({ type }) => type === "permissionResolved");
    assert.equal(resolved?.data.decision, "lost");
    assert.deepEqual(session.pendingPermissions, []);
    assert.ok(
      events.some(
        ({ type, data }) => type === "messageState" && data.messageId === messageId && data.state === "failed",
      ),
    );
    assert.match(
      String(events.find(({ type }) => type === "error")?.data.message),
      /out of memory.*Send a message to start it again/,
    );
    await world.send(sessionId, "again");
    await eventually(() => session.state.name === "idle");
    assert.equal(lives, 2);
    await world.sessions.close();
  });

  test("[SES-8] an agent that cannot be started is told; messages wait and go when it can", async () => {
    const world = await start();
    const open = world.provider.open.bind(world.provider);
    const disk: { broken: boolean } = { broken: true };
    world.provider.open = async (options) => {
      if (disk.broken) throw new Error("no such file");
      return open(options);
    };
    const { session } = await world.create();
    const { sessionId } = session.record;
    await world.send(sessionId, "first");
    await eventually(() => session.state.name === "failed");
    disk.broken = false;
    await world.send(sessionId, "second");
    await eventually(() => session.state.name === "idle");
    await eventually(() => [...world.provider.worked.values()].flat().length === 2);
    assert.deepEqual([...world.provider.worked.values()], [["first", "second"]]);
    await world.sessions.close();
  });

  for (const recognisesRepeats of [true, false]) {
    test(`[SES-9] after a crash of the server what was in mid-air is told as it is (${recognisesRepeats ? "repeats are recognised" : "they are not"}), and what was only accepted is handed over`, async () => {
      const world = await start({
        script: (agent, text) =>
          text === "hang" ? agent.until(agent.ask({ permissionId: "p1" })).then(() => {}) : agent.say("ok"),
      });
      const { session } = await world.create();
      const { sessionId } = session.record;
      const { messageId } = await world.send(sessionId, "hang");
      await eventually(() => session.state.name === "waiting");
      const waiting = await world.send(sessionId, "later");
      // The server is gone without a word; its storage is all that is left.
      const next = await start({
        storage: world.storage,
        root: world.root,
        recognisesRepeats,
        script: (agent) => agent.say("ok"),
      });
      await eventually(async () =>
        (await next.events(sessionId)).some(
          ({ type, data }) =>
            type === "messageState" && data.messageId === waiting.messageId && data.state === "answered",
        ),
      );
      const events = await next.events(sessionId);
      const fate = events.find(
        ({ type, data }) => type === "messageState" && data.messageId === messageId && data.state !== "handedOver",
      );
      assert.equal(fate?.data.state, recognisesRepeats ? "failed" : "indeterminate");
      assert.equal(events.find(({ type }) => type === "permissionResolved")?.data.decision, "lost");
      assert.ok(
        events.some(
          ({ type, data }) =>
            type === "sessionStatus" && data.status === "hibernated" && data.reason === "serverRestarted",
        ),
      );
      assert.deepEqual(
        [...next.provider.worked.values()].flat(),
        ["later"],
        "what may have been done is not done again",
      );
      await next.sessions.close();
    });
  }

  test("[SES-10] a disk that refuses: a person is told at once, what the agent did is stored when the disk is back", async () => {
    const world = await start();
    const { session } = await world.create();
    const { sessionId } = session.record;
    let full = false;
    // The session's own writer was made before, so another server takes over, on a disk that can fill up.
    const broken = await start({
      storage: {
        ...world.storage,
        log: {
          ...world.storage.log,
          async writer(id) {
            const real = await world.storage.log.writer(id);
            return {
              ...real,
              append: (commit) => (full ? Promise.reject(new Error("disk full")) : real.append(commit)),
            };
          },
        },
      },
      root: world.root,
      async script(agent, text) {
        if (text === "fill") full = true;
        await agent.say(`about ${text}`);
      },
    });
    await broken.send(sessionId, "fill");
    await eventually(() => full);
    for (let i = 0; i < 20; i++) await turn();
    await assert.rejects(broken.send(sessionId, "now"), /disk full/);
    full = false;
    broken.clock.pass(10_000);
    await eventually(async () => types(await broken.events(sessionId)).includes("turnCompleted"));
    await broken.send(sessionId, "now");
    await eventually(
      async () => types(await broken.events(sessionId)).filter((type) => type === "turnCompleted").length === 2,
    );
    await broken.sessions.close();
  });
});
