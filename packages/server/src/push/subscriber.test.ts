import assert from "node:assert/strict";
import { test } from "node:test";
import { createPositions } from "../delivery/index.ts";
import { createTestClock } from "../sessions/sessions.fixture.ts";
import { createMemoryStorage } from "../storage/index.ts";
import { subscribePush } from "./subscriber.ts";

test("[PSH-7] what happens while push begins does not hide what happened before", async () => {
  const clock = createTestClock();
  const { log, records } = createMemoryStorage({ now: clock.now });
  const positions = createPositions({ records, clock, onError: assert.ifError });
  const writer = await log.writer("s");
  const finish = () =>
    writer.append({
      events: [{ id: undefined, event: { type: "turnCompleted", data: { result: "success" } } }],
      records: [],
    });
  const handled: number[] = [];
  const open = () =>
    subscribePush({
      log,
      positions,
      clock,
      isNeeded: () => true,
      handle: async ({ seq }) => void handled.push(seq),
      onError: assert.ifError,
    });

  const first = open();
  await finish();
  await first.settled();
  first.close();
  assert.deepEqual(new Set(handled), new Set([1]));

  await finish();
  const second = open();
  // A live event comes before the start has got as far as catching up.
  await finish();
  await second.settled();
  second.catchUp(["s"]);
  await second.settled();
  assert.deepEqual(new Set(handled), new Set([1, 2, 3]));
  second.close();
  await positions.close();
});
