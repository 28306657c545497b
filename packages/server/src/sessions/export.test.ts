import assert from "node:assert/strict";
import { test } from "node:test";
import { markdownOf } from "./export.ts";
import type { HistoryItem } from "./history.ts";

const item = (type: HistoryItem["type"], data: object): HistoryItem => ({ type, sessionId: "s", data });

test("[SES-22] a conversation becomes one text: what was said in full, what was done a line each", () => {
  const text = markdownOf("Fix the login", [
    item("sessionStatus", { status: "running" }),
    item("humanMessage", { content: [{ type: "text", text: "Fix it" }, { type: "image" }] }),
    item("assistantMessage", { content: [{ type: "thinking", text: "hm" }] }),
    item("assistantMessage", { content: [{ type: "text", text: "I will." }] }),
    item("toolUse", { name: "Bash", input: { command: "echo `date`" } }),
    item("permissionResolved", { decision: "allow", by: { name: "Ada's phone" } }),
    item("toolResult", { isError: true, content: "no such file\nat all" }),
    item("toolUse", { name: "Odd", input: null }),
    item("turnCompleted", { result: "success" }),
    item("turnCompleted", { result: "interrupted" }),
    item("error", { message: "Something broke." }),
  ]);
  assert.equal(
    text,
    `${[
      "# Fix the login",
      "## You",
      "Fix it",
      "## Agent",
      "I will.",
      "- **Bash** `` echo `date` ``",
      "  - allow by Ada's phone",
      "  - failed: `no such file`",
      "- **Odd**",
      "*The turn ended: interrupted.*",
      "*Something broke.*",
    ].join("\n\n")}\n`,
  );
  assert.equal(markdownOf("", []), "# Untitled\n");
});
