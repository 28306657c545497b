import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { z } from "zod";
import { shouldReconnect } from "./close-codes.ts";
import { ClientFrame, closeCodes, commands, errorCodes, ServerFrame } from "./index.ts";

const document = (name: string) => readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), "utf8");

describe("protocol", () => {
  test("[PRO-1] every example in the documentation is a frame that the schemas take", () => {
    const text = document("protocol.md");
    const examples = [...text.matchAll(/```json (client|server)\n([\s\S]*?)```/g)];
    for (const [, side, json = ""] of examples) {
      const parsed = (side === "client" ? ClientFrame : ServerFrame).safeParse(JSON.parse(json));
      assert.ok(parsed.success, `${json}\n${parsed.error ? z.prettifyError(parsed.error) : ""}`);
    }
    // Each kind of server frame is shown at least once.
    const shown = new Set(examples.map(([, side, json = ""]) => `${side} ${JSON.parse(json).type}`));
    for (const { shape } of ServerFrame.options)
      assert.ok(shown.has(`server ${shape.type.value}`), `no example of ${shape.type.value}`);
  });

  test("[PRO-5] every command has an example of question and answer that its schemas take, and leave nothing of out", () => {
    for (const [type, { data, ack, example }] of Object.entries(commands)) {
      assert.deepEqual({ ...data.parse(example.data), ...example.data }, data.parse(example.data), type);
      assert.deepEqual(ack.parse(example.ack), example.ack, type);
    }
  });

  test("[PRO-2] the tables of error codes and close codes in the documentation are those of the program", () => {
    const text = document("errors.md");
    const rows = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match.slice(1));
    assert.deepEqual(
      rows(/^\| `([A-Z_]+)` \| (\d+) \| (yes|no) \| (.+) \|$/gm),
      Object.entries(errorCodes).map(([code, { status, retryable, meaning }]) => [
        code,
        String(status),
        retryable ? "yes" : "no",
        meaning,
      ]),
    );
    assert.deepEqual(
      rows(/^\| (\d{4}) \| `(\w+)` \| (yes|no) \| (.+) \|$/gm),
      Object.entries(closeCodes).map(([code, { name, meaning }]) => [
        code,
        name,
        shouldReconnect(Number(code)) ? "yes" : "no",
        meaning,
      ]),
    );
  });

  test("[PRO-3] the range of a close code says whether to come back", () => {
    for (const code of [1000, 1001, 1006, 1013, 4000, 4008, 4029, 4499])
      assert.equal(shouldReconnect(code), true, String(code));
    for (const code of [1003, 1008, 1009, 4500, 4501, 4509, 4510, 4999])
      assert.equal(shouldReconnect(code), false, String(code));
  });

  test("[PRO-4] every schema can be told as JSON Schema, for documents of the API", () => {
    for (const schema of [ClientFrame, ServerFrame])
      assert.ok(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  });
});
