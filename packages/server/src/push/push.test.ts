import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScriptedAgent } from "../agents/index.ts";
import { createPushActions } from "../commands/index.ts";
import { by, eventually, pass, turn, user } from "../sessions/sessions.fixture.ts";
import { startPush } from "./push.fixture.ts";

const minute = 60_000;
/** Asks what it is told to; "two" asks twice at once. */
async function script(agent: ScriptedAgent, text: string) {
  if (text.startsWith("ask"))
    await agent.ask({ permissionId: text, title: "Run rm -rf build?", input: { command: "rm -rf build" } });
  if (text === "two") await Promise.all([agent.ask({ permissionId: "p1" }), agent.ask({ permissionId: "p2" })]);
  if (text === "question")
    await agent.ask({
      permissionId: "q1",
      kind: "question",
      questions: [{ question: "Which colour?", multiSelect: false, options: [] }],
    });
  await agent.say(`did ${text}`);
}
type World = Awaited<ReturnType<typeof startPush>>;

/** Sends a message, and waits until push has thought about what came of it. */
async function say(world: World, sessionId: string, text: string): Promise<void> {
  const { session } = await world.create();
  await world.send(sessionId, text);
  await eventually(() => ["waiting", "idle"].includes(session.state.name));
  await settle(world);
}
async function settle(world: World): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
  await world.push.settled();
  for (let i = 0; i < 10; i++) await turn();
}
async function later(world: World, ms: number): Promise<void> {
  await pass(world.clock, 1, ms);
  await settle(world);
}
const told = ({ sent }: World) => sent.map(({ to, payload }) => `${to} ${payload.reason}`);
const stateOf = async (world: World, reason: string) =>
  (await world.push.notifications(user, { limit: 100 })).notifications
    .filter((one) => one.reason === reason)
    .map(({ state, trail }) => `${state}: ${trail.at(-1)?.text}`);

describe("push", () => {
  test("[PSH-3] a prompt waits half a second and is not told when it is answered before; news wait for the next message", async () => {
    const world = await startPush({ script });
    const phone = await world.register("phone");
    const { session } = await world.create();
    const { sessionId } = session.record;
    await say(world, sessionId, "ask1");
    assert.deepEqual(told(world), []);
    await session.respond("ask1", { decision: "allow" }, by);
    await settle(world);
    await later(world, 600);
    assert.deepEqual(told(world), [], "answered in time");
    assert.deepEqual(await stateOf(world, "permission"), ["withdrawn: It was answered, or is no longer asked."]);

    await say(world, sessionId, "hello");
    await later(world, 1_000);
    await say(world, sessionId, "and again");
    await later(world, 4_900);
    assert.deepEqual(told(world), [], "the person went on");
    await later(world, 200);
    assert.deepEqual(told(world), ["7070 turnFinished"]);
    const [{ payload } = assert.fail()] = world.sent;
    assert.equal(payload.title, session.record.workingDirectory.split("/").at(-1));
    assert.equal(payload.body, "Finished; ready for the next message.", "no content by default");
    assert.equal(payload.url, `claude-companion://session/${sessionId}`);
    assert.equal(payload.webUrl, `https://companion.example/session/${sessionId}`);

    await world.push.targets.update(user, phone.targetId, { preferences: { previews: true } });
    await say(world, sessionId, "ask2");
    await later(world, 600);
    const last = world.sent.at(-1)?.payload;
    assert.match(last?.body ?? "", /Run rm -rf build\?/);
    assert.equal(last?.url, `claude-companion://session/${sessionId}?permission=ask2`);
    assert.deepEqual([last?.actions, last?.waiting], [["allow", "deny"], 1]);
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-4] a device that looks is told when it looks away; one that comes back is not told news; what was told is taken back", async () => {
    const world = await startPush({ script });
    await world.register("phone");
    const { session } = await world.create();
    const { sessionId } = session.record;
    world.attention.acted("device-phone", sessionId);
    await say(world, sessionId, "ask1");
    await later(world, 10_000);
    assert.deepEqual(told(world), [], "it looks");
    world.attention.lookedAway("device-phone", sessionId);
    await later(world, 600);
    assert.deepEqual(told(world), ["7070 permission"], "and then it does not");
    await session.respond("ask1", { decision: "deny" }, by);
    await settle(world);
    await later(world, 10);
    assert.deepEqual(told(world), ["7070 permission", "7070 resolved"]);
    assert.deepEqual([world.sent[1]?.silent, world.sent[1]?.collapseId], [true, world.sent[0]?.collapseId]);

    world.attention.acted("device-phone", sessionId);
    await later(world, 10_000);
    assert.equal(world.sent.length, 2, "the turn is over, and it looks");
    await say(world, sessionId, "ask2");
    await later(world, 45_000);
    assert.equal(world.sent.length, 2);
    await later(world, 6_000);
    assert.equal(world.sent.length, 3, "a hand that has been still for a minute is no attention");
    await session.respond("ask2", { decision: "deny" }, by);
    await settle(world);
    await later(world, 100);

    await say(world, sessionId, "hello");
    world.attention.acted("device-phone", sessionId);
    await settle(world);
    await later(world, 6_000);
    assert.deepEqual(told(world).slice(3), ["7070 resolved"], "it came back before it was told");
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-5] several prompts of a session become one, which says how many wait", async () => {
    const world = await startPush({ script });
    await world.register("phone");
    const { session } = await world.create();
    await say(world, session.record.sessionId, "two");
    await later(world, 600);
    assert.deepEqual(told(world), ["7070 permission"]);
    assert.match(world.sent[0]?.payload.body ?? "", /1 more wait/);
    assert.equal(world.sent[0]?.payload.waiting, 2);
    await session.respond("p1", { decision: "allow" }, by);
    await settle(world);
    await later(world, 600);
    assert.equal(world.sent.length, 1, "one waits still: it stays on the screen");
    await session.respond("p2", { decision: "allow" }, by);
    await settle(world);
    await later(world, 10);
    assert.deepEqual(told(world)[1], "7070 resolved");
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-6] a prompt that nobody saw or answered is told on the next devices, then everywhere again; seen or answered, no more", async () => {
    const world = await startPush({ script, escalateMs: 5 * minute });
    await world.register("phone");
    await world.register("watch", { preferences: { step: 2 } });
    const { session } = await world.create();
    const { sessionId } = session.record;
    await say(world, sessionId, "ask1");
    await later(world, 600);
    assert.deepEqual(told(world), ["7070 permission"]);
    await later(world, 5 * minute);
    assert.deepEqual(told(world).slice(1), ["7777 permission"]);
    assert.match(world.sent[1]?.payload.body ?? "", /^Still: /);
    await later(world, 5 * minute);
    assert.deepEqual(told(world).slice(2).sort(), ["7070 permission", "7777 permission"]);
    await later(world, 60 * minute);
    assert.equal(world.sent.length, 4, "and then it is enough");
    await session.respond("ask1", { decision: "allow" }, by);
    await settle(world);
    await later(world, 10_000);

    const before = world.sent.length;
    await say(world, sessionId, "ask2");
    await later(world, 600);
    assert.equal(world.sent.length, before + 1);
    await world.push.receipt(user, world.sent.at(-1)?.payload.notificationId ?? "", "opened");
    await later(world, 6 * minute);
    assert.equal(world.sent.length, before + 1, "somebody has seen it");
    assert.ok((await stateOf(world, "permission")).includes("withdrawn: The person has seen it."));
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-7] what was stored while push was away is told after the start, each event once for each target; a device that has it is not told again", async () => {
    const world = await startPush({ script });
    await world.register("phone");
    await world.register("desk");
    const { session } = await world.create();
    const { sessionId } = session.record;
    await say(world, sessionId, "hello");
    await later(world, 6_000);
    assert.equal(world.sent.length, 2);
    await world.push.close();

    await world.send(sessionId, "ask1");
    await eventually(() => session.state.name === "waiting");
    const [first, second] = [world.push, await world.open()];
    Object.assign(world, { push: second });
    await settle(world);
    // An answer that never comes: the provider has it, and we are gone before we know.
    world.answer(() => new Promise(() => {}));
    await later(world, 600);
    assert.deepEqual(told(world).slice(2).sort(), ["6464 permission", "7070 permission"]);
    const arrived = world.sent.find(({ to, payload }) => to === "7070" && payload.reason === "permission");
    assert.equal(arrived?.payload.reason, "permission");
    const closing = second.close();
    await pass(world.clock, 1, 5_000);
    await closing;

    world.answer(() => ({ outcome: "delivered", text: "it took it" }));
    const third = await world.open();
    Object.assign(world, { push: third });
    await third.receipt(user, arrived?.payload.notificationId ?? "", "shown");
    await settle(world);
    await later(world, 1_000);
    assert.deepEqual(told(world).slice(4), ["6464 permission"], "only the one that nobody has");
    const [again] = world.sent.slice(4);
    assert.equal(
      again?.payload.notificationId,
      world.sent.slice(2, 4).find(({ to }) => to === "6464")?.payload.notificationId,
    );
    await later(world, 60 * minute);
    assert.equal(world.sent.length, 5);
    assert.notEqual(first, third);
    await third.close();
    await world.sessions.close();
  });

  test("[PSH-8] what fails is tried again, with the wait that the provider asks for; a dead address never, until it registers anew; what is too old is given up", async () => {
    const world = await startPush({ script });
    const phone = await world.register("phone");
    const { session } = await world.create();
    const { sessionId } = session.record;
    const attempts: number[] = [];
    world.answer(() => {
      attempts.push(world.clock.now());
      const retryAfterMs = attempts.length === 2 ? 30_000 : undefined;
      return { outcome: "retry", reason: "busy", retryAfterMs, isProviders: false };
    });
    await say(world, sessionId, "ask1");
    for (let i = 0; i < 70; i++) await later(world, 500);
    const waits = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
    assert.deepEqual(waits.slice(0, 2), [1_000, 30_000], "a second, then what was asked for");
    assert.equal(world.push.stats(user).retryingTokens, 1);
    world.answer(() => ({ outcome: "dead", reason: "Apple: Unregistered" }));
    for (let i = 0; i < 20; i++) await later(world, 1_000);
    assert.deepEqual(
      [world.push.stats(user).badTokens, world.push.stats(user).failed, world.push.targets.list(user)[0]?.bad?.reason],
      [1, 1, "Apple: Unregistered"],
    );
    const before = world.sent.length;
    await session.respond("ask1", { decision: "deny" }, by);
    await settle(world);
    await later(world, 10_000);
    assert.equal(world.sent.length, before, "nothing more is sent there");
    assert.match(
      (await stateOf(world, "turnFinished"))[0] ?? "",
      /^notSent: Its address is dead \(Apple: Unregistered/,
    );

    assert.equal((await world.register("phone")).targetId, phone.targetId);
    assert.equal(world.push.stats(user).badTokens, 0);
    world.answer(() => ({ outcome: "retry", reason: "down", retryAfterMs: undefined, isProviders: false }));
    await say(world, sessionId, "hello");
    for (let i = 0; i < 80; i++) await later(world, minute);
    assert.match((await stateOf(world, "turnFinished"))[0] ?? "", /^failed: down\. It is of no more use later/);
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-9] a provider in trouble is left alone, is told as that, and gets all that waits when it answers again", async () => {
    const world = await startPush({ script });
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) await world.register(name);
    const { session } = await world.create();
    world.answer(() => ({ outcome: "retry", reason: "Apple: status 503", retryAfterMs: undefined, isProviders: true }));
    await say(world, session.record.sessionId, "ask1");
    await later(world, 600);
    await later(world, 50);
    assert.deepEqual(
      world.push.troubles.map(({ reason }) => reason),
      ["Apple: status 503"],
    );
    assert.match(world.push.configuration().platforms[0]?.trouble?.reason ?? "", /503/);
    const whileDown = world.sent.length;
    assert.ok(whileDown <= 8);
    world.answer(() => ({ outcome: "delivered", text: "it took it" }));
    // The breaker counts by the machine's own clock.
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (let i = 0; i < 100; i++) await later(world, 100);
    assert.deepEqual(world.push.troubles, []);
    const reached = new Set(
      (await world.push.notifications(user, { limit: 100 })).notifications
        .filter(({ state }) => state === "sent")
        .map(({ targetName }) => targetName),
    );
    assert.equal(reached.size, 8);
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-10] a button of a notification does one thing, once, for its own prompt, without login, until its device's token is taken back", async () => {
    const world = await startPush({ script });
    await world.register("phone");
    const { session } = await world.create();
    const { sessionId } = session.record;
    const act = createPushActions(world);
    const tokenOf = () => world.sent.at(-1)?.payload.actionToken ?? assert.fail();
    await say(world, sessionId, "ask1");
    await later(world, 600);
    const actionToken = tokenOf();
    const stored = JSON.stringify(await world.storage.records.actionTokens.list());
    assert.ok(!stored.includes(actionToken), "only its hash is kept");
    await assert.rejects(act({ actionToken: `${actionToken.slice(0, -2)}xx`, action: "allow" }), {
      code: "AUTHENTICATION_REQUIRED",
    });
    const presses = await Promise.allSettled([
      act({ actionToken, action: "allow" }),
      act({ actionToken, action: "deny" }),
    ]);
    assert.deepEqual(
      presses.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    await assert.rejects(act({ actionToken, action: "allow" }), { code: "ALREADY_RESOLVED" });
    await eventually(() => session.state.name === "idle");
    const resolved = (await world.events(sessionId)).find(({ type }) => type === "permissionResolved");
    assert.deepEqual(
      [resolved?.data.decision, resolved?.data.by],
      ["allow", { deviceId: "device-phone", name: "phone" }],
    );

    await settle(world);
    await later(world, 6_000);
    const reply = tokenOf();
    await assert.rejects(act({ actionToken: reply, action: "allow" }), { code: "INVALID_REQUEST" });
    await assert.rejects(act({ actionToken: reply, action: "reply" }), { code: "INVALID_REQUEST" });
    await act({ actionToken: reply, action: "reply", text: "question" });
    await eventually(() => session.state.name === "waiting");
    await settle(world);
    await later(world, 600);
    assert.equal(world.sent.at(-1)?.payload.reason, "question");
    await act({ actionToken: tokenOf(), action: "reply", text: "blue" });
    await eventually(() => session.state.name === "idle");
    const answered = (await world.events(sessionId)).findLast(({ type }) => type === "permissionResolved");
    assert.deepEqual(answered?.data.answers, { "Which colour?": "blue" });

    await say(world, sessionId, "ask2");
    await later(world, 600);
    const late = tokenOf();
    await world.push.revoke("token-desk");
    assert.equal(world.push.targets.list(user).length, 1, "another's token");
    await world.push.revoke("token-phone");
    assert.equal(world.push.targets.list(user).length, 0);
    await assert.rejects(
      act({ actionToken: late, action: "allow" }),
      { code: "AUTHENTICATION_REQUIRED" },
      "its device is gone",
    );
    await world.register("phone");
    await pass(world.clock, 1, 25 * 60 * minute);
    await assert.rejects(act({ actionToken: late, action: "allow" }), { code: "AUTHENTICATION_REQUIRED" }, "too old");
    await world.push.expire();
    assert.deepEqual(await world.storage.records.actionTokens.list(), []);
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-11] each notification has a trail, and why somebody was told nothing is said in words", async () => {
    const world = await startPush({ script });
    const { session } = await world.create();
    const { sessionId } = session.record;
    const explained = async () => (await world.push.explain(user, sessionId, undefined)).join("\n");
    assert.match(await explained(), /no device is registered here/);
    const phone = await world.register("phone");
    await say(world, sessionId, "ask1");
    await later(world, 600);
    await world.push.receipt(user, world.sent[0]?.payload.notificationId ?? "", "shown");
    assert.match(await explained(), /phone \(apns\): ready\./);
    assert.match(
      await explained(),
      /a permission waited\. The device is not looking\. Sent; it took it\. Shown on the device\. Not opened\./,
    );
    world.attention.acted("device-phone", sessionId);
    await session.respond("ask1", { decision: "allow" }, by);
    await settle(world);
    await later(world, 6_000);
    assert.match(await explained(), /a turn was finished\. The device is looking at this session\./);
    assert.match(await explained(), /phone \(apns\): it looks at this session/);
    await world.push.targets.update(user, phone.targetId, { preferences: { enabled: false } });
    assert.match(await explained(), /phone \(apns\): switched off\./);
    await assert.rejects(world.push.explain("eve", sessionId, undefined), { code: "SESSION_NOT_FOUND" });
    await assert.rejects(world.push.receipt("eve", world.sent[0]?.payload.notificationId ?? "", "shown"), {
      code: "NOT_FOUND",
    });
    const pages = [];
    for (let before: string | undefined; ; ) {
      const page = await world.push.notifications(user, { before, limit: 1 });
      pages.push(...page.notifications);
      before = page.next;
      if (before === undefined) break;
    }
    const ids = pages.map(({ notificationId }) => notificationId);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => b.localeCompare(a)),
      "page by page, the newest first",
    );
    assert.ok(ids.length >= 3);
    await world.push.close();
    await world.sessions.close();
  });

  test("[PSH-12] a device is registered once, whatever it says twice; a new address takes the old one's place; what is wrong is told", async () => {
    const world = await startPush();
    const first = await world.register("phone", { preferences: { perHourMax: 7 } });
    const again = await world.register("phone");
    assert.deepEqual([again.targetId, again.preferences.perHourMax], [first.targetId, 7], "it keeps what it wanted");
    const rotated = await world.register("phone", { pushToken: "ab".repeat(32) });
    assert.deepEqual(
      world.push.targets.list(user).map(({ targetId }) => targetId),
      [rotated.targetId],
    );
    const owner = { user, tokenId: "token-desk", deviceId: "device-desk", deviceName: "desk" };
    const hook = await world.push.register(owner, { platform: "webhook", url: "https://hooks.example/one" });
    assert.match(hook.secret ?? "", /^whsec_/);
    const same = await world.push.register(owner, { platform: "webhook", url: "https://hooks.example/one" });
    assert.equal(same.secret, undefined, "it is told once");
    assert.deepEqual(same.target.address, hook.target.address);
    await world.push.register(owner, { platform: "ntfy", url: "https://ntfy.sh/my-topic" });
    assert.equal(world.push.targets.list(user).length, 3);
    const bad: [object, RegExp][] = [
      [{ platform: "apns", pushToken: "not-hexadecimal-at-all" }, /hexadecimal/],
      [{ platform: "ntfy", url: "https://ntfy.sh/" }, /topic/],
      [{ platform: "webhook", url: "https://hooks.example", secret: "short" }, /whsec_/],
      [
        {
          platform: "ntfy",
          url: "https://ntfy.sh/t",
          preferences: { quietHours: { from: "1:00", to: "2:00", timeZone: "UTC" } },
        },
        /22:30/,
      ],
      [
        {
          platform: "ntfy",
          url: "https://ntfy.sh/t",
          preferences: { quietHours: { from: "01:00", to: "02:00", timeZone: "Mars" } },
        },
        /time zone/,
      ],
    ];
    for (const [request, message] of bad) await assert.rejects(world.push.register(owner, request as never), message);
    await assert.rejects(world.push.targets.update("eve", first.targetId, {}), { code: "NOT_FOUND" });
    await assert.rejects(world.push.sendTest("eve", undefined), { code: "NOT_FOUND" });
    await world.push.close();
    await world.sessions.close();
  });
});
