import assert from "node:assert/strict";
import { test } from "node:test";
import { createClockTrust } from "./clock.ts";

test("[CLK-1] a clock that jumped is not trusted with forgetting things for a day; drifting is fine", () => {
  const hour = 3_600_000;
  let [wall, monotonic] = [1_000_000, 0];
  const jumps: number[] = [];
  const isTrusted = createClockTrust({ now: () => wall, monotonicMs: () => monotonic }, (byMs) => jumps.push(byMs));
  const pass = (wallMs: number, monotonicMs = wallMs) => {
    wall += wallMs;
    monotonic += monotonicMs;
    return isTrusted();
  };
  assert.equal(pass(hour), true);
  assert.equal(pass(hour + 60_000, hour), true);
  assert.equal(pass(1_000 * hour, hour), false);
  assert.equal(pass(23 * hour), false);
  assert.equal(pass(2 * hour), true);
  assert.equal(pass(-1_000 * hour, hour), false);
  assert.deepEqual(jumps, [999 * hour, -1_001 * hour]);
});
