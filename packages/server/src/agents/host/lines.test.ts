import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createLineCutter } from "./lines.ts";

function through(chunks: Buffer[], lineBytesMax: number): { passed: string[]; cut: string[] } {
  const cut: string[] = [];
  const passed: string[] = [];
  const cutter = createLineCutter({
    lineBytesMax,
    onLine: (line) => passed.push(line.toString()),
    onCut: (start) => cut.push(start.toString()),
  });
  for (const chunk of chunks) cutter.write(chunk);
  cutter.end();
  return { passed, cut };
}

describe("the output of an agent", () => {
  test("[AGT-9] whole lines pass however they are cut; half a line at the end is told and dropped", () => {
    const lines = ['{"a":1}\n', "warning: hello\n", '{"b":"ä€😀"}\n', "\n"];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const bytes = Buffer.from(`${lines.join("")}{"c":`);
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i % sizes.length] ?? 1, i++)
          chunks.push(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1)));
        assert.deepEqual(through(chunks, 1_000), { passed: lines, cut: ['{"c":'] });
      }),
    );
  });

  test("[AGT-10] a line without end does not fill the memory, and the next one passes", () => {
    const endless = Buffer.from(`{"x":"${"y".repeat(5_000)}`);
    const { passed, cut } = through([endless, endless, Buffer.from('"}\n{"fine":1}\n')], 2_000);
    assert.deepEqual(passed, ['{"fine":1}\n']);
    assert.equal(cut.length, 1);
    assert.ok((cut[0]?.length ?? 0) <= 200);
  });
});
