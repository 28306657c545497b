import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SessionFrame } from "@claude-companion/client";
import type { PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";
import { createAsker } from "./asker.ts";
import { createRenderer } from "./render.ts";

const base = { sessionId: "4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11", timestamp: "2026-01-01T00:00:00.000Z" };
const delta = (text: string, offset: number): SessionFrame => ({
  type: "streamData",
  ...base,
  data: { messageId: "m", blockIndex: 0, kind: "text", offset, text },
});
const said = (text: string, partial = false): SessionFrame => ({
  type: "assistantMessage",
  ...base,
  seq: 1,
  data: { messageId: "m", blockIndex: 0, content: [{ type: "text", text }], ...(partial ? { partial } : {}) },
});
const request = (change: Partial<z.infer<typeof PermissionRequest>>): z.infer<typeof PermissionRequest> => ({
  permissionId: "p",
  kind: "tool",
  toolName: "Write",
  input: {},
  title: "Claude wants to write",
  suggestions: [],
  canAllowAlways: true,
  defaultToNo: false,
  ...change,
});

describe("chat", () => {
  test("[CHT-1] what was streamed is not said again; the stored message brings the rest", () => {
    const render = (...frames: SessionFrame[]) => {
      const renderer = createRenderer({ deviceId: "d", colours: false });
      return frames.map((frame) => renderer.render(frame)).join("");
    };
    assert.equal(render(delta("Hel", 0), delta("lo", 3), said("Hello world")), "Hello world\n");
    assert.equal(render(said("Hello world")), "Hello world\n");
    assert.equal(render(delta("Hello world", 0), said("Hello world")), "Hello world\n");
    assert.equal(render(delta("Hel", 0), said("Hel", true)), "Hel … (cut off)\n");
    assert.equal(render(delta("line\n", 0), said("line\n")), "line\n");
  });

  test("[CHT-2] yes, always and no with a reason; anything else is asked again", () => {
    const answer = (line: string, change: Partial<z.infer<typeof PermissionRequest>> = {}) =>
      createAsker(request(change)).take(line);
    assert.deepEqual(answer("y"), { decision: "allow" });
    assert.deepEqual(answer(" YES "), { decision: "allow" });
    assert.deepEqual(answer("a"), { decision: "allowAlways" });
    assert.equal(answer("a", { canAllowAlways: false }), undefined);
    const suggestions = [
      { kind: "rule" as const, text: "Allow commands", scope: "local" as const, value: {} },
      { kind: "mode" as const, text: "Accept edits", scope: "session" as const, value: {} },
    ];
    assert.match(
      createAsker(request({ suggestions })).prompt(),
      /always 1: Allow commands\n {2}always 2: Accept edits \(only by its number: a 2\)\n\[y\]es, \[a\]lways \(a 2: only the second\)/,
    );
    assert.deepEqual(answer("a 2", { suggestions }), { decision: "allowAlways", suggestions: [1] });
    assert.deepEqual(answer("a 1, 2", { suggestions }), { decision: "allowAlways", suggestions: [0, 1] });
    for (const unclear of ["a 3", "a 0", "a x"]) assert.equal(answer(unclear, { suggestions }), undefined, unclear);
    assert.deepEqual(answer("n"), { decision: "deny" });
    assert.deepEqual(answer("n use the other file"), { decision: "deny", message: "use the other file" });
    const asker = createAsker(request({}));
    assert.equal(asker.take("maybe"), undefined);
    assert.match(asker.prompt(), /^Please answer/);
    assert.equal(asker.take(""), undefined);
  });

  test("[CHT-3] questions are answered one after the other, by number or in words", () => {
    const options = [{ label: "Red" }, { label: "Blue" }];
    const questions = [
      { question: "One?", multiSelect: false, options },
      { question: "Many?", multiSelect: true, options },
      { question: "Free?", multiSelect: false, options },
    ];
    const asker = createAsker(request({ kind: "question", questions }));
    assert.match(asker.prompt(), /One\?\n {2}1\. Red\n {2}2\. Blue/);
    assert.equal(asker.take("2"), undefined);
    assert.equal(asker.take(" "), undefined);
    assert.equal(asker.take("1, 2"), undefined);
    assert.deepEqual(asker.take("7 of 9"), {
      decision: "allow",
      answers: { "One?": "Blue", "Many?": ["Red", "Blue"], "Free?": "7 of 9" },
    });
  });
});
