import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentLink, AgentListener } from "../host/index.ts";
import { hostClaude } from "./process.ts";

/** The CLI behind a link that a test holds in its hands. */
async function hosted(lastLine = 0) {
  const told: unknown[][] = [];
  const unreadable: [number, string][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      void told.push([name, ...args]);
  const link: AgentLink = {
    agentId: "a1",
    pid: 1,
    note: "",
    lastLine,
    flow: () => {},
    input: note("input"),
    settle: note("settle"),
    stored: note("stored"),
    endInput: note("endInput"),
    signal: note("signal"),
    collect: note("collect"),
    detach: note("detach"),
    pause: () => {},
    resume: () => {},
  };
  let listener: AgentListener | undefined;
  const cli = hostClaude({
    connect: async (given) => {
      listener = given;
      return link;
    },
    onConnected: () => {},
    onUnreadable: (line, start) => unreadable.push([line, start]),
  });
  await new Promise<void>((resolve) => setImmediate(resolve));
  return {
    cli,
    told,
    unreadable,
    say(number: number, line: string) {
      listener?.onLine(number, Buffer.from(line));
      listener?.onPause?.();
    },
    /** What has reached the SDK. */
    read: () => String(cli.stdout.read() ?? ""),
  };
}
const request = (id: string) =>
  `${JSON.stringify({ type: "control_request", request_id: id, request: { subtype: "can_use_tool" } })}\n`;
const response = (id: string) =>
  `${JSON.stringify({ type: "control_response", response: { subtype: "success", request_id: id } })}\n`;

test("[AGT-12] lines of the CLI that are no JSON objects are told and dropped; all others reach the SDK with their number", async () => {
  const { say, read, unreadable } = await hosted();
  say(1, '{"a":1}\n');
  say(2, "warning: hello\n");
  say(3, "\n");
  say(4, '{"b":"ä€😀"}\n');
  assert.equal(read(), '{"a":1,"companion_line":1}\n{"b":"ä€😀","companion_line":4}\n');
  assert.deepEqual(unreadable, [[2, "warning: hello\n"]]);
});

test("[AGT-13] what the CLI asks is kept until it is answered, in one step with the answer; answers for an earlier server are not passed on", async () => {
  const { cli, say, read, told } = await hosted(2);
  say(1, request("r1"));
  say(2, response("of the server before"));
  say(3, request("r2"));
  say(4, request("r1"));
  assert.doesNotMatch(read(), /of the server before/);
  cli.stored(4, "note");
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.deepEqual(told.splice(0), [["stored", 4, [1, 4, 3], "note"]]);
  // In pieces, as a stream may bring it.
  cli.stdin.write(response("r1").slice(0, 10));
  cli.stdin.write(response("r1").slice(10));
  assert.deepEqual(told.splice(0), [["input", response("r1"), [1, 4]]]);
  say(5, `${JSON.stringify({ type: "control_cancel_request", request_id: "r2" })}\n`);
  assert.deepEqual(told.splice(0), [["settle", [3]]]);
  cli.kill("SIGTERM");
  cli.stdin.end();
  assert.deepEqual(told, [], "only we end it");
});
