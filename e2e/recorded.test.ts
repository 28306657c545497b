import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ClientFrame, ServerFrame } from "@claude-companion/protocol";

const recording = new URL("../docs/reference/recorded-session.jsonl", import.meta.url);

test("[DOC-5] the recorded session is what the schemas say, whole, and each stored event comes once through a cut connection", () => {
  const lines = readFileSync(recording, "utf8").trimEnd().split("\n");
  const seen = new Set<string>();
  const seqs: number[] = [];
  const connections = new Set<number>();
  for (const line of lines) {
    const { from, connection, frame } = JSON.parse(line) as {
      from: "client" | "server";
      connection: number;
      frame: unknown;
    };
    connections.add(connection);
    const parsed = from === "client" ? ClientFrame.safeParse(frame) : ServerFrame.safeParse(frame);
    assert.ok(parsed.success, `${line.slice(0, 200)}: ${parsed.error?.message}`);
    seen.add(parsed.data.type);
    const seq = from === "server" && "seq" in parsed.data ? parsed.data.seq : undefined;
    // What a client has, it drops: it comes again when it was not acknowledged before the cut.
    if (seq !== undefined && seq > (seqs.at(-1) ?? 0)) seqs.push(seq);
  }
  assert.equal(connections.size, 2);
  assert.deepEqual(
    seqs,
    Array.from(seqs, (_, i) => i + 1),
  );
  for (const type of [
    ...["welcome", "createSession", "subscribe", "ack", "sendMessage", "humanMessage", "streamData"],
    ...["assistantMessage", "toolUse", "permissionRequest", "acknowledge", "respondPermission"],
    ...["permissionResolved", "permissionApplied", "toolResult", "turnCompleted", "sessionStatus"],
  ])
    assert.ok(seen.has(type), `no ${type} was recorded`);
});
