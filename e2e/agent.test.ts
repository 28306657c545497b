import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { prompt } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startWorld } from "./kit/world.ts";

describe("what a session's agent offers, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-20] an agent that sleeps is woken to tell its commands, models and context; effort is kept and used by the next one", async () => {
    await using world = await startWorld(model, { HIBERNATE_AFTER_MINUTES: "0.02" });
    const { device, sessionId, view } = await world.session();
    const { commands, models, subagents } = await device.request("describeAgent", { sessionId });
    assert.ok(commands.some(({ name, description, builtIn }) => name === "compact" && description !== "" && builtIn));
    assert.ok(models.some(({ efforts }) => efforts.includes("low")));
    assert.ok(subagents.some(({ name }) => name === "general-purpose"));
    await view.idle();
    await view.until("sessionStatus", ({ data }) => data.status === "hibernated", view.frames.length);
    const usage = (await world.api("GET", `/api/sessions/${sessionId}/context`)).body as { maxTokens: number };
    assert.ok(usage.maxTokens > 0);
    await device.request("setEffort", { sessionId, effort: "low" });
    await view.until("sessionUpdated", ({ data }) => data.effort === "low");
    const from = view.frames.length;
    await view.until("sessionStatus", ({ data }) => data.status === "hibernated", from);
    await device.send(sessionId, prompt({ say: "woken" }));
    await view.until("turnCompleted");
    const { session } = (await world.api("GET", `/api/sessions/${sessionId}`)).body as { session: { effort: string } };
    assert.equal(session.effort, "low");
    await assert.rejects(device.request("setEffort", { sessionId, effort: "enormous" as "low" }), {
      code: "INVALID_REQUEST",
    });
  });

  test("[E2E-21] files are taken back to where they were before a message; first it is told what that would change, and what each turn changed", async () => {
    await using world = await startWorld(model);
    const { device, sessionId, view } = await world.session({ permissionMode: "acceptEdits" });
    const file = join(world.place.project, "a.txt");
    const write = (content: string) => ({ name: "Write", input: { file_path: file, content } });
    const first = await device.send(sessionId, prompt({ tools: [write("one\n")] }, { say: "ok" }));
    await view.until("turnCompleted");
    const from = view.frames.length;
    const read = { name: "Read", input: { file_path: file } };
    const { messageId } = await device.send(sessionId, prompt({ tools: [read] }, { tools: [write("two\n")] }));
    await view.until("turnCompleted", () => true, from);
    const turns = await Promise.all(
      [first.messageId, messageId].map(async (id) => device.request("getTurnDiff", { sessionId, messageId: id })),
    );
    assert.deepEqual(
      turns.map(({ files }) => files),
      [[file], [file]],
    );
    assert.match(turns[0]?.diff ?? "", /^@@ -0,0 \+1,1 @@\n\+one$/m);
    assert.match(turns[1]?.diff ?? "", /^-one\n\+two$/m);
    await assert.rejects(device.request("getTurnDiff", { sessionId, messageId: sessionId }), { code: "NOT_FOUND" });
    const told = await device.request("rewindFiles", { sessionId, messageId });
    assert.deepEqual([told.canRewind, told.files, told.insertions, told.deletions], [true, [file], 1, 1]);
    assert.match(told.diff ?? "", /^-two\n\+one$/m);
    assert.equal(await readFile(file, "utf8"), "two\n");
    const done = await device.request("rewindFiles", { sessionId, messageId, dryRun: false });
    assert.deepEqual([done.canRewind, done.files], [true, [file]]);
    assert.equal(await readFile(file, "utf8"), "one\n");
    const unknown = await device.request("rewindFiles", { sessionId, messageId: sessionId });
    assert.equal(unknown.canRewind, false);
    assert.ok(unknown.reason);
  });

  test("[E2E-30] what Claude means to do is told as a list, and goes on through sleep", async () => {
    await using world = await startWorld(model, {
      ANTHROPIC_MODEL: "claude-sonnet-4-5",
      HIBERNATE_AFTER_MINUTES: "0.01",
    });
    const { device, sessionId, view } = await world.session();
    const create = (subject: string) => ({ name: "TaskCreate", input: { subject, description: subject } });
    const update = (taskId: string, status: string) => ({ name: "TaskUpdate", input: { taskId, status } });
    await device.send(
      sessionId,
      prompt({ tools: [create("find the bug"), create("write a test")] }, { tools: [update("1", "in_progress")] }),
    );
    await view.until("sessionStatus", ({ data }) => data.status === "hibernated");
    await device.send(sessionId, prompt({ tools: [update("1", "completed")] }, { tools: [update("2", "deleted")] }));
    const last = await view.until(
      "todosChanged",
      ({ data }) => data.todos.length === 1 && data.todos[0]?.status === "completed",
    );
    assert.deepEqual(last.data.todos, [{ id: "1", text: "find the bug", status: "completed" }]);
    const lists = view.frames.flatMap((frame) =>
      frame.type === "todosChanged" ? [frame.data.todos.map(({ status }) => status)] : [],
    );
    assert.deepEqual(lists, [
      ["pending"],
      ["pending", "pending"],
      ["inProgress", "pending"],
      ["completed", "pending"],
      ["completed"],
    ]);
  });

  test("[E2E-22] a background task is seen and stopped", async () => {
    await using world = await startWorld(model);
    const { device, sessionId, view } = await world.session();
    await assert.rejects(device.request("stopTask", { sessionId, taskId: "nothing" }), { code: "CONFLICT" });
    const bash = {
      name: "Bash",
      input: { command: "touch begun && sleep 300", description: "x", run_in_background: true },
    };
    await device.send(sessionId, prompt({ tools: [bash] }, { say: "It runs." }));
    const { data } = await view.until("permissionRequest");
    await device.respond(sessionId, data.permissionId, { decision: "allow" });
    const started = await view.until("agentNotice", (frame) => frame.data.details?.state === "started");
    await view.until("turnCompleted");
    await device.request("stopTask", { sessionId, taskId: String(started.data.details?.taskId) });
    await view.until("agentNotice", (frame) => /stopped|killed/.test(String(frame.data.details?.state)));
  });
});
