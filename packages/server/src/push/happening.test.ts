import assert from "node:assert/strict";
import { test } from "node:test";
import { createInterpreter, type Happening } from "./happening.ts";

const tell = (reason: string, permissionId?: string) => ({ kind: "tell", reason, permissionId });
const obstacle = (kind: string) => ({ obstacle: { kind, text: "", since: "" } });

/** What one event means when nothing came before. */
const table: [string, string, object, object | undefined][] = [
  ["a tool asks", "permissionRequest", { kind: "tool", permissionId: "p" }, tell("permission", "p")],
  ["a plan", "permissionRequest", { kind: "plan", permissionId: "p" }, tell("permission", "p")],
  ["a budget", "permissionRequest", { kind: "budget", permissionId: "p" }, tell("permission", "p")],
  ["a question", "permissionRequest", { kind: "question", permissionId: "q" }, tell("question", "q")],
  ["an answer", "permissionResolved", { permissionId: "p" }, { kind: "settled", permissionId: "p" }],
  ["a turn is finished", "turnCompleted", { result: "success" }, tell("turnFinished")],
  ["a turn failed", "turnCompleted", { result: "error" }, tell("turnFailed")],
  ["a turn ended at a limit", "turnCompleted", { result: "limit" }, tell("limitReached")],
  ["a person stopped it", "turnCompleted", { result: "interrupted" }, undefined],
  ["not logged in", "sessionUpdated", obstacle("login"), tell("loginNeeded")],
  ["a usage limit", "sessionUpdated", obstacle("usageLimit"), tell("limitReached")],
  ["a crowd, which goes away by itself", "sessionUpdated", obstacle("crowd"), undefined],
  ["an obstacle is gone", "sessionUpdated", { obstacle: null }, undefined],
  ["a title", "sessionUpdated", { title: "t" }, undefined],
  ["a session failed", "sessionStatus", { status: "failed" }, tell("turnFailed")],
  ["a session works", "sessionStatus", { status: "running" }, undefined],
  ["an agent that does not move", "agentNotice", { kind: "silent" }, tell("turnFailed")],
  ["an agent that tries again", "agentNotice", { kind: "retry" }, undefined],
  ["a person goes on", "humanMessage", { messageId: "m", by: { deviceId: "d", name: "n" } }, { kind: "wentOn" }],
  ["a schedule sends", "humanMessage", { messageId: "m", scheduleId: "s" }, undefined],
  ["what an agent says", "assistantMessage", { content: [] }, undefined],
];

test("[PSH-18] what each event means to a person who is away", async (t) => {
  for (const [name, type, data, wanted] of table)
    await t.test(name, () => assert.deepEqual(createInterpreter().read(type, data), wanted as Happening | undefined));

  const scheduled = "a scheduled run is done, and knows the request that began it";
  await t.test(scheduled, () => {
    const interpreter = createInterpreter();
    assert.equal(interpreter.isBlank, true);
    interpreter.read("humanMessage", { messageId: "a", scheduleId: "s", correlationId: "c1" });
    interpreter.read("humanMessage", { messageId: "b", by: { deviceId: "d", name: "n" }, correlationId: "c2" });
    interpreter.read("messageState", { messageId: "a", state: "handedOver" });
    assert.equal(interpreter.correlationId, "c1");
    assert.deepEqual(interpreter.read("turnCompleted", { result: "success" }), tell("scheduleDone"));
    interpreter.read("messageState", { messageId: "a", state: "answered" });
    interpreter.read("messageState", { messageId: "b", state: "handedOver" });
    assert.equal(interpreter.correlationId, "c2");
    assert.deepEqual(interpreter.read("turnCompleted", { result: "success" }), tell("turnFinished"));
    assert.equal(interpreter.isBlank, false);
    interpreter.read("messageState", { messageId: "b", state: "answered" });
    assert.equal(interpreter.isBlank, true);
  });
});
