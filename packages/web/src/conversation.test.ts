import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionFrame } from "@claude-companion/client";
import { type Conversation, emptyConversation, withFrames } from "./conversation.ts";

let seq = 0;
const frame = (type: string, data: object): SessionFrame =>
  ({ type, sessionId: "s", seq: ++seq, timestamp: "2026-11-24T13:00:00.123Z", data }) as never;
const text = (offset: number, said: string) =>
  frame("streamData", { messageId: "m", blockIndex: 0, kind: "text", offset, text: said });
const shown = ({ items }: Conversation) =>
  items.map((item) => (item.kind === "text" ? `${item.text}${item.live ? "…" : ""}` : item.kind));

test("[WEB-6] a conversation is made of its frames: live text gives way to what is stored, results find their tools, what is told twice changes nothing", () => {
  const first = withFrames(emptyConversation, [
    frame("humanMessage", { messageId: "h", content: "hello", queued: false }),
    text(0, "Good "),
    text(5, "morn"),
  ]);
  assert.deepEqual(shown(first), ["human", "Good morn…"]);
  // After a lost connection the text so far comes in one piece.
  const again = withFrames(first, [
    text(0, "Good morning"),
    frame("messageState", { messageId: "h", state: "handedOver" }),
  ]);
  assert.deepEqual(shown(again), ["human", "Good morning…"]);
  const stored = frame("assistantMessage", {
    messageId: "m",
    blockIndex: 0,
    content: [{ type: "text", text: "Good morning." }],
  });
  const use = frame("toolUse", {
    toolUseId: "t",
    messageId: "m",
    blockIndex: 1,
    name: "Bash",
    input: { command: "ls" },
  });
  const preparing = frame("streamData", { messageId: "m", blockIndex: 1, kind: "toolInput", offset: 0, text: "{" });
  const result = frame("toolResult", { toolUseId: "t", content: [{ type: "text", text: "a b" }], isError: false });
  const asked = frame("permissionRequest", { permissionId: "p" });
  const second = withFrames(again, [stored, preparing, use, asked]);
  assert.deepEqual(shown(second), ["human", "Good morning.", "tool"]);
  assert.equal(second.permissions.length, 1);
  const done = withFrames(second, [
    frame("permissionResolved", { permissionId: "p" }),
    result,
    frame("turnCompleted", { result: "success" }),
  ]);
  const tool = done.items.find((item) => item.kind === "tool");
  assert.deepEqual([tool?.name, tool?.live, tool?.result?.text], ["Bash", false, "a b"]);
  assert.deepEqual([done.permissions, shown(done)], [[], ["human", "Good morning.", "tool", "turn"]]);
  assert.deepEqual(shown(withFrames(done, [stored, use])), shown(done));
  assert.deepEqual(shown(first), ["human", "Good morn…"], "what was shown before is as it was");
});
