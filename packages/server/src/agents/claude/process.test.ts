import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareVersions } from "./cli.ts";
import { createLineGuard } from "./process.ts";

async function through(chunks: Buffer[], lineBytesMax: number): Promise<{ passed: string; dropped: string[] }> {
  const dropped: string[] = [];
  const guard = createLineGuard({ lineBytesMax, onUnreadable: (start) => dropped.push(start) });
  const passed: Buffer[] = [];
  guard.on("data", (chunk: Buffer) => passed.push(chunk));
  for (const chunk of chunks) guard.write(chunk);
  await new Promise<void>((resolve) => guard.end(resolve));
  return { passed: Buffer.concat(passed).toString(), dropped };
}

describe("the output of an agent", () => {
  test("[AGT-9] whole lines of JSON pass however they are cut; others, and half a line at the end, are told and dropped", async () => {
    const text = '{"a":1}\nwarning: hello\n{"b":"ä€😀"}\n\n{"c":';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 }), async (sizes) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i % sizes.length] ?? 1, i++)
          chunks.push(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1)));
        const { passed, dropped } = await through(chunks, 1_000);
        assert.equal(passed, '{"a":1}\n{"b":"ä€😀"}\n');
        assert.deepEqual(dropped, ["warning: hello\n", '{"c":']);
      }),
    );
  });

  test("[AGT-10] a line without end does not fill the memory, and the next one passes", async () => {
    const endless = Buffer.from(`{"x":"${"y".repeat(5_000)}`);
    const { passed, dropped } = await through([endless, endless, Buffer.from('"}\n{"fine":1}\n')], 2_000);
    assert.equal(passed, '{"fine":1}\n');
    assert.equal(dropped.length, 1);
    assert.ok((dropped[0]?.length ?? 0) <= 200);
  });

  test("[AGT-11] versions are compared as numbers", () => {
    assert.ok(compareVersions("2.1.9", "2.1.10") < 0);
    assert.ok(compareVersions("10.0.0", "9.9.9") > 0);
    assert.equal(compareVersions("2.1.0", "2.1"), 0);
  });
});
