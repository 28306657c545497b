import assert from "node:assert/strict";
import { test } from "node:test";
import { createLoad } from "./load.ts";

test("[CON-8] at the limit of commands or of memory what is new is refused with when to come again, and what runs goes on", async () => {
  let [now, share] = [0, 0.1];
  const load = createLoad({
    commandsMax: 2,
    bufferedBytesMax: 1_000,
    clock: { monotonicMs: () => now },
    heapShare: () => share,
  });
  const running = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const results = running.map(({ promise }) => load.run(() => promise));
  const refused = { code: "OVERLOADED", details: { retryAfterSeconds: 2 } };
  await assert.rejects(
    load.run(async () => "begun"),
    refused,
  );
  for (const { resolve } of running) resolve("done");
  assert.deepEqual(await Promise.all(results), ["done", "done"]);
  assert.equal(await load.run(async () => "begun"), "begun");
  now += 1_000;
  share = 0.95;
  await assert.rejects(
    load.run(async () => "begun"),
    refused,
  );
  assert.match(load.refusal() ?? "", /memory/);
  now += 1_000;
  share = 0.5;
  assert.equal(load.refusal(), undefined);
  const before = load.bufferBytesMax;
  load.observe(1_001);
  assert.ok(load.bufferBytesMax < before);
  load.observe(0);
  assert.equal(load.bufferBytesMax, before);
});
