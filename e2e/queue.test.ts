import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { prompt, slowly } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startWorld } from "./kit/world.ts";

describe("what is said to a Claude at work, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-19] messages to a Claude at work wait, are moved and taken back, steer the turn or interrupt it", async () => {
    await using world = await startWorld(model);
    const { device, sessionId, view } = await world.session();
    const said = () =>
      view.frames.flatMap((frame) =>
        frame.type === "assistantMessage"
          ? frame.data.content.map((block) => (block.type === "text" ? block.text : ""))
          : [],
      );
    const bash = { name: "Bash", input: { command: "sleep 1 && echo slept", description: "x" } };
    await device.send(sessionId, prompt({ tools: [bash] }, { say: "first" }));
    await view.until("toolUse");
    const ids: string[] = [];
    for (const text of ["a", "b", "c"]) ids.push((await device.send(sessionId, prompt({ say: text }))).messageId);
    await device.request("withdrawMessage", { sessionId, messageId: ids[1] ?? "" });
    await device.request("moveMessage", { sessionId, messageId: ids[2] ?? "", before: ids[0] });
    const { messages } = await device.request("listQueue", { sessionId });
    assert.deepEqual(
      messages.map(({ messageId }) => messageId),
      [ids[2], ids[0]],
    );
    const steering = `steering words ${sessionId}`;
    await device.send(sessionId, steering, { delivery: "steer" });
    await view.until("messageState", ({ data }) => data.messageId === ids[0] && data.state === "answered");
    assert.deepEqual(said(), ["first", "c", "a"]);
    assert.equal(await model.asked(steering), 1);
    assert.equal(view.frames.filter(({ type }) => type === "turnCompleted").length, 3);
    assert.equal((await world.api("GET", `/api/sessions/${sessionId}/queue`)).status, 200);

    await device.send(sessionId, slowly(50, { say: "long ".repeat(200) }));
    const from = view.frames.length;
    await view.until("streamData", () => true, from);
    await device.send(sessionId, prompt({ say: "instead" }), { delivery: "interrupt" });
    await view.until("turnCompleted", ({ data }) => data.result === "interrupted", from);
    await view.until("turnCompleted", ({ data }) => data.text === "instead", from);
    // Also while a person is asked.
    const asking = view.frames.length;
    await device.send(sessionId, prompt({ tools: [{ name: "Write", input: { file_path: "x.txt", content: "x" } }] }));
    await view.until("permissionRequest", () => true, asking);
    await device.send(sessionId, prompt({ say: "never mind" }), { delivery: "interrupt" });
    await view.until("permissionResolved", ({ data }) => data.decision === "cancelled", asking);
    await view.until("turnCompleted", ({ data }) => data.text === "never mind", asking);
  });
});
