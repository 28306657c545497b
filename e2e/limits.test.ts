import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Schedule, SessionSummary } from "@claude-companion/protocol";
import { startCheckpoint } from "./kit/checkpoint.ts";
import { prompt } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { watch } from "./kit/watcher.ts";
import { startWorld } from "./kit/world.ts";

describe("limits, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-26] a usage limit shows as what it is, and a session that may, goes on by itself when it has reset", async () => {
    await using checkpoint = await startCheckpoint(model.url);
    // A limit is told only to those who are logged in with an account.
    await using world = await startWorld(checkpoint, {
      ANTHROPIC_API_KEY: "",
      CLAUDE_CODE_OAUTH_TOKEN: "dummy-token-for-a-scripted-model",
    });
    const { device, sessionId, view } = await world.session();
    await device.request("updateSession", { sessionId, continueAfterLimit: true });
    const resetsAt = Math.ceil(Date.now() / 1_000) + 6;
    checkpoint.refusal = {
      status: 429,
      headers: {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": String(resetsAt),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
      },
      error: { type: "rate_limit_error", message: "This request would exceed your account's rate limit." },
    };
    await device.send(sessionId, prompt({ say: "never said" }));
    const limited = await view.until("sessionUpdated", ({ data }) => data.obstacle != null);
    const { obstacle } = limited.data;
    assert.deepEqual([obstacle?.kind, obstacle?.until], ["usageLimit", new Date(resetsAt * 1_000).toISOString()]);
    await view.until("turnCompleted", ({ data }) => data.result === "error");
    const { data } = await view.until("scheduleChanged");
    assert.deepEqual([data.schedule.origin, data.schedule.state], ["usageLimit", "waiting"]);
    const { session }: { session: SessionSummary } = (await world.api("GET", `/api/sessions/${sessionId}`)).body;
    assert.equal(session.obstacle?.kind, "usageLimit");
    checkpoint.refusal = undefined;
    await view.until("humanMessage", (frame) => frame.data.scheduleId === data.schedule.scheduleId);
    await view.until("sessionUpdated", (frame) => frame.data.obstacle === null);
    await view.until("scheduleChanged", (frame) => frame.data.schedule.state === "done");
    assert.equal(await model.asked("The usage limit has reset"), 1);
  });

  test("[E2E-27] a login that does not work shows as what it is until it works again", async () => {
    await using checkpoint = await startCheckpoint(model.url);
    await using world = await startWorld(checkpoint, { CLAUDE_CODE_MAX_RETRIES: "1" });
    const { device, sessionId, view } = await world.session();
    checkpoint.refusal = {
      status: 401,
      headers: {},
      error: { type: "authentication_error", message: "invalid x-api-key" },
    };
    await device.send(sessionId, prompt({ say: "never said" }));
    const blocked = await view.until("sessionUpdated", ({ data }) => data.obstacle?.kind === "login");
    assert.match(blocked.data.obstacle?.text ?? "", /claude auth login/);
    await view.until("turnCompleted", ({ data }) => data.result === "error");
    checkpoint.refusal = undefined;
    await device.send(sessionId, prompt({ say: "said" }));
    await view.until("sessionUpdated", ({ data }) => data.obstacle === null);
  });

  test("[E2E-28] a message for later outlives a killed server and is sent once, late; one for every minute is listed, paused and cancelled", async () => {
    await using world = await startWorld(model);
    const { sessionId } = await world.session();
    const content = prompt({ say: "good morning" });
    const at = new Date(Date.now() + 3_000).toISOString();
    const schedules = `/api/sessions/${sessionId}/schedules`;
    const made = await world.api("POST", schedules, { content, at });
    assert.equal(made.status, 201);
    const zoned = await world.api("POST", schedules, { content, at: "2199-01-01T09:00:00+02:00" });
    const { schedule: far }: { schedule: Schedule } = zoned.body;
    assert.equal(far.at, "2199-01-01T07:00:00.000Z");
    await world.api("DELETE", `/api/schedules/${far.scheduleId}`);
    const cron: { schedule: Schedule } = (
      await world.api("POST", schedules, { content, cron: "0 9 * * 1-5", timeZone: "Europe/Berlin" })
    ).body;
    assert.equal(cron.schedule.next.length, 3);
    await world.server.stop("SIGKILL");
    await setTimeout(3_500);
    const next = await world.startAgain();
    const device = await next.device("another");
    const view = watch(device.subscribe(sessionId));
    await view.until("humanMessage", ({ data }) => data.scheduleId !== undefined);
    await view.until("turnCompleted");
    assert.equal(await model.asked("good morning"), 1);
    const { scheduleId } = cron.schedule;
    const paused = await device.request("updateSchedule", { scheduleId, paused: true });
    assert.deepEqual([paused.schedule.state, paused.schedule.next], ["paused", []]);
    const listed = await device.request("listSchedules", { sessionId });
    assert.deepEqual(
      listed.schedules.map((schedule) => schedule.scheduleId),
      [scheduleId],
    );
    await device.request("cancelSchedule", { scheduleId });
    assert.deepEqual((await device.request("listSchedules", {})).schedules, []);
    const wrong = await world.api("POST", schedules, { content, cron: "at nine" });
    assert.equal(wrong.status, 400);
  });

  test("[E2E-29] past its budget a session asks before it goes on; as many agents run as may, the idle one makes room", async () => {
    await using world = await startWorld(model, { BUDGET_SESSION_TURNS: "1", AGENTS_MAX: "1" });
    const { device, sessionId, view } = await world.session();
    await device.send(sessionId, prompt({ say: "first" }));
    await view.until("turnCompleted");
    const { messageId } = await device.send(sessionId, prompt({ say: "second" }));
    const asked = await view.until("permissionRequest");
    assert.deepEqual(
      [asked.data.kind, asked.data.title],
      ["budget", "This session has taken 1 turn of 1 turn. Go on with another 1 turn?"],
    );
    await device.respond(sessionId, asked.data.permissionId, { decision: "allow" });
    await view.until("messageState", ({ data }) => data.messageId === messageId && data.state === "answered");
    assert.equal(await model.asked("second"), 1);
    const other = await world.session();
    const bash = { name: "Bash", input: { command: "sleep 2", description: "x" } };
    await other.device.send(other.sessionId, prompt({ tools: [bash] }, { say: "other" }));
    await other.view.until("toolUse");
    const { session }: { session: SessionSummary } = (await world.api("GET", `/api/sessions/${sessionId}`)).body;
    assert.equal(session.status, "hibernated");
    await device.request("updateSession", { sessionId, budget: { turns: 10 } });
    const waits = await device.send(sessionId, prompt({ say: "third" }));
    await view.until("sessionUpdated", ({ data }) => data.obstacle?.kind === "crowd");
    await view.until("messageState", ({ data }) => data.messageId === waits.messageId && data.state === "answered");
    await view.until("sessionUpdated", ({ data }) => data.obstacle === null);
  });
});
