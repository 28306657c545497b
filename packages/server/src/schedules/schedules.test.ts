import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { ScheduleRecord } from "../records/index.ts";
import { by, start, user } from "../sessions/sessions.fixture.ts";
import { createSchedules } from "./index.ts";
import { timesAfter, timingOf } from "./timing.ts";

const minute = 60_000;

/** Lets time pass in steps, and what they set off happen: the storage takes its own time. */
async function pass(clock: { pass(ms: number): void }, steps: number, stepMs: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    clock.pass(stepMs);
    await setTimeout(3);
  }
}

async function begin(options: Parameters<typeof start>[0] = {}) {
  const world = await start(options);
  const open = () => createSchedules({ ...world, ...world.storage });
  const { session } = await world.create();
  const { sessionId } = session.record;
  const at = (ms: number) => new Date(world.clock.now() + ms).toISOString();
  const schedules = await open();
  const create = (change: Partial<Parameters<typeof schedules.create>[1]>) =>
    schedules.create(user, { sessionId, scheduleId: undefined, content: "go", by, ...change });
  /** What was said, and by which schedule. */
  const said = async () =>
    (await world.events(sessionId)).flatMap(({ type, data }) =>
      type === "humanMessage" ? [{ content: String(data.content), scheduleId: String(data.scheduleId) }] : [],
    );
  /** Waits, while time goes on a little. */
  const eventually = async (fits: () => boolean | Promise<boolean>) => {
    for (let turns = 0; !(await fits()); turns++) {
      assert.ok(turns < 1_000, "it never came to be");
      world.clock.pass(1);
      await setTimeout(1);
    }
  };
  const all = () => schedules.list(user, { sessionId: undefined, finished: true });
  /** As it is now: one that slept long is another object. */
  const now = () => world.sessions.get(user, sessionId);
  return { ...world, now, sessionId, schedules, open, create, said, at, all, eventually };
}

describe("schedules", () => {
  test("[SCH-1] times are those of a time zone: an hour that is skipped comes at once, one that comes twice counts once", () => {
    const daily = { at: undefined, cron: "30 2 * * *", timeZone: "Europe/Berlin" };
    const times = (after: string, count: number) =>
      timesAfter(daily, Date.parse(after), count).map((time) => new Date(time).toISOString());
    assert.deepEqual(times("2027-03-27T12:00:00Z", 2), ["2027-03-28T01:00:00.000Z", "2027-03-29T00:30:00.000Z"]);
    assert.deepEqual(times("2027-10-30T12:00:00Z", 2), ["2027-10-31T00:30:00.000Z", "2027-11-01T01:30:00.000Z"]);
    const now = Date.parse("2027-01-01T00:00:00Z");
    for (const given of [
      {},
      { at: "2026-12-31T00:00:00Z" },
      { at: "2028-01-01T00:00:00Z", cron: "* * * * *" },
      ...["* * * *", "61 * * * *", "0 0 31 2 *", "* * * * * *", "soon", "@daily;"].map((cron) => ({ cron })),
      { cron: "* * * * *", timeZone: "Mars/Base" },
    ])
      assert.throws(() => timingOf(given, now), { code: "INVALID_REQUEST" }, JSON.stringify(given));
  });

  test("[SCH-2] a message goes once at its time, or again and again; it says which schedule sent it", async () => {
    const world = await begin();
    const scheduleId = randomUUID();
    await world.create({ scheduleId, at: world.at(5 * minute), content: "once" });
    await world.create({ scheduleId, at: world.at(9 * minute), content: "the same id again" });
    const daily = await world.create({ cron: "*/10 * * * *", timeZone: "UTC", content: "often" });
    await pass(world.clock, 25, minute);
    await world.eventually(async () => (await world.said()).length === 3);
    assert.deepEqual(await world.said(), [
      { content: "once", scheduleId },
      { content: "often", scheduleId: daily.scheduleId },
      { content: "often", scheduleId: daily.scheduleId },
    ]);
    await world.eventually(async () => (await world.all()).some(({ state }) => state === "done"));
    const states = (await world.all()).map(({ content, state, sent }) => [content, state, sent]);
    assert.deepEqual(states, [
      ["often", "waiting", 2],
      ["once", "done", 1],
    ]);
    const told = (await world.events(world.sessionId)).filter(({ type }) => type === "scheduleChanged");
    assert.equal(told.length, 5);
    world.schedules.close();
  });

  test("[SCH-3] a time that passed while no server ran is sent once, late, or left out, as the schedule says", async () => {
    const world = await begin();
    await world.create({ cron: "0 * * * *", timeZone: "UTC", content: "late", missed: "send" });
    await world.create({ cron: "0 * * * *", timeZone: "UTC", content: "never late", missed: "skip" });
    await world.create({ at: world.at(30 * minute), content: "once late" });
    await world.create({ at: world.at(30 * minute), content: "once or never", missed: "skip" });
    world.schedules.close();
    await pass(world.clock, 1, 5 * 60 * minute + minute * 10);
    const next = await world.open();
    await pass(world.clock, 1, 1_000);
    await world.eventually(async () => (await world.said()).length === 2);
    await pass(world.clock, 3, 1_000);
    assert.deepEqual(new Set((await world.said()).map(({ content }) => content)), new Set(["late", "once late"]));
    await world.eventually(async () =>
      (await next.list(user, { sessionId: undefined, finished: true })).some(({ state }) => state === "failed"),
    );
    const listed = await next.list(user, { sessionId: undefined, finished: true });
    const byContent = new Map(listed.map((record) => [record.content, record]));
    assert.deepEqual(byContent.get("once or never")?.state, "failed");
    assert.match(byContent.get("once or never")?.reason ?? "", /It was not sent at/);
    for (const content of ["late", "never late"]) {
      assert.equal(byContent.get(content)?.state, "waiting");
      assert.equal(new Date(byContent.get(content)?.nextAt ?? 0).toISOString(), "2026-01-01T06:00:00.000Z");
    }
    next.close();
  });

  test("[SCH-4] killed between sending and noting it, the same message is sent again and counts once", async () => {
    const world = await begin();
    const made = await world.create({ at: world.at(minute) });
    const before: ScheduleRecord = { ...made };
    await pass(world.clock, 2, minute);
    await world.eventually(async () => (await world.all())[0]?.state === "done");
    world.schedules.close();
    await world.storage.records.schedules.save(before);
    const next = await world.open();
    await pass(world.clock, 1, 1_000);
    await world.eventually(
      async () => (await next.list(user, { sessionId: undefined, finished: true }))[0]?.state === "done",
    );
    assert.equal((await world.said()).length, 1);
    next.close();
  });

  test("[SCH-5] paused, changed, cancelled; a time that comes while the one before still waits is left out; with its session it ends", async () => {
    const world = await begin({ script: (agent) => agent.until(new Promise<void>(() => {})) });
    const often = await world.create({ cron: "* * * * *", content: "a" });
    const { scheduleId } = often;
    await world.schedules.update(user, scheduleId, { paused: true });
    await pass(world.clock, 3, minute);
    assert.equal((await world.said()).length, 0);
    await world.schedules.update(user, scheduleId, { paused: false, content: "b" });
    await pass(world.clock, 1, minute);
    await world.eventually(async () => (await world.said()).length === 1);
    await pass(world.clock, 1, minute);
    await world.eventually(async () => (await world.said()).length === 2);
    await pass(world.clock, 3, minute);
    await world.eventually(async () => /still waits/.test((await world.all())[0]?.reason ?? ""));
    assert.deepEqual(
      (await world.said()).map(({ content }) => content),
      ["b", "b"],
    );
    const other = await world.create({ at: world.at(minute) });
    await world.schedules.cancel(user, other.scheduleId);
    await assert.rejects(world.schedules.update(user, other.scheduleId, { paused: false }), { code: "CONFLICT" });
    await assert.rejects(world.schedules.cancel("eve", scheduleId), { code: "NOT_FOUND" });
    await (await world.now()).end("endedByUser");
    await world.eventually(async () => (await world.all()).every(({ state }) => state === "cancelled"));
    await assert.rejects(world.create({ at: world.at(minute) }), { code: "SESSION_ENDED" });
    world.schedules.close();
  });

  test("[SCH-6] a session that goes on after a usage limit gets a message for then, which can be cancelled for good", async () => {
    const text = "The usage limit is reached.";
    const world = await begin({
      script: async (agent, said) => {
        if (said.startsWith("The usage limit has reset")) return agent.say("gone on");
        agent.emit({
          kind: "obstacle",
          obstacle: { kind: "usageLimit", text, untilMs: world.clock.now() + 10 * minute },
        });
        await agent.until(new Promise<void>(() => {}));
      },
    });
    const limit = async () => {
      await world.send(world.sessionId, "work");
      await world.eventually(async () => (await world.now()).record.obstacle?.kind === "usageLimit");
      await (await world.now()).interrupt();
      await world.eventually(async () => (await world.now()).state.name === "idle");
    };
    await limit();
    assert.deepEqual(await world.all(), []);
    await (await world.now()).describe({ continueAfterLimit: true });
    await world.eventually(async () => (await world.all()).length === 1);
    const [made] = await world.all();
    assert.deepEqual([made?.origin, made?.state], ["usageLimit", "waiting"]);
    await pass(world.clock, 13, minute);
    await world.eventually(async () => (await world.said()).length === 2);
    await world.eventually(async () => (await world.now()).record.obstacle === null);
    await limit();
    await world.eventually(async () => (await world.all()).length === 2);
    const second = (await world.all()).find(({ state }) => state === "waiting");
    await world.schedules.cancel(user, second?.scheduleId ?? "");
    world.schedules.close();
    const next = await world.open();
    await pass(world.clock, 15, minute);
    assert.equal((await next.list(user, { sessionId: undefined, finished: false })).length, 0);
    assert.equal((await world.said()).length, 3);
    next.close();
  });
});
