import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../clock.ts";
import type { LogWriter } from "../log/index.ts";
import { createMemoryStorage } from "../storage/index.ts";
import { createHub, type Hub } from "./hub.ts";
import { createPositions, type Positions } from "./positions.ts";
import type { Subscription } from "./subscription.ts";

const notice = (text: string) => ({
  id: undefined,
  event: { type: "agentNotice" as const, data: { kind: "notice" as const, text } },
});
const status = () => ({ id: undefined, event: { type: "sessionStatus" as const, data: { status: "idle" as const } } });
const said = (messageId: string, text: string) => ({
  id: undefined,
  event: {
    type: "assistantMessage" as const,
    data: { messageId, blockIndex: 0, content: [{ type: "text" as const, text }] },
  },
});
type Frame = {
  type: string;
  seq?: number;
  queued?: object;
  data: { text: string; offset: number; fromSeq: number; toSeq: number; reason: string };
};
const commit = (log: LogWriter, ...events: Parameters<LogWriter["append"]>[0]["events"]) =>
  log.append({ events, records: [] });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function start() {
  const storage = createMemoryStorage();
  const hub = createHub({ log: storage.log, clock: systemClock });
  const sessionId = randomUUID();
  const log = await storage.log.writer(sessionId);
  return { storage, hub, sessionId, log };
}

/** Reads a subscription into an array until it is closed. */
function collect(subscription: Subscription): Frame[] {
  const frames: Frame[] = [];
  void (async () => {
    for await (const batch of subscription.batches()) frames.push(...batch.frames.map((frame) => JSON.parse(frame)));
  })();
  return frames;
}
const follow = async (hub: Hub, sessionId: string, after?: number, types?: string[], epoch?: string) =>
  collect(await hub.subscribe(sessionId, { after, epoch, types }));

describe("delivery", () => {
  test("[DEL-1] replay, then live, with no seam; what waited says so", async () => {
    const { hub, sessionId, log } = await start();
    await commit(log, notice("1"), notice("2"), notice("3"));
    const frames = await follow(hub, sessionId, 1);
    await commit(log, notice("4"));
    await turn();
    assert.deepEqual(
      frames.map((frame) => [frame.seq, frame.queued !== undefined]),
      [
        [2, true],
        [3, true],
        [4, false],
      ],
    );
  });

  test("[DEL-2] a filter keeps its types, and errors and status always", async () => {
    const { hub, sessionId, log } = await start();
    const frames = await follow(hub, sessionId, 0, ["assistantMessage"]);
    await commit(log, notice("1"), status(), said("m", "hi"));
    await commit(log, notice("4"));
    await commit(log, status());
    await turn();
    assert.deepEqual(
      frames.map((frame) => [frame.type, frame.seq]),
      [
        ["sessionStatus", 2],
        ["assistantMessage", 3],
        ["sessionStatus", 5],
      ],
    );
  });

  test("[DEL-4] a position whose events expired gets one gap with the range, then goes on", async () => {
    const { storage, hub, sessionId, log } = await start();
    await commit(log, ...Array.from({ length: 10 }, (_, i) => notice(String(i))));
    await storage.log.trim(sessionId, { before: Date.now() + 1_000, bytesMax: 0, keepEvents: 3 });
    const frames = await follow(hub, sessionId, 2);
    await turn();
    assert.deepEqual(
      frames.map((frame) => frame.type),
      ["gap", "agentNotice", "agentNotice", "agentNotice"],
    );
    assert.deepEqual([frames[0]?.data.fromSeq, frames[0]?.data.toSeq, frames[0]?.data.reason], [3, 7, "expired"]);
    assert.equal(frames[1]?.seq, 8);
  });

  test("[DEL-5] another epoch, or a position beyond the head, is a reset and begins at the first event", async () => {
    const { hub, sessionId, log } = await start();
    await commit(log, notice("1"), notice("2"));
    for (const frames of [await follow(hub, sessionId, 2, undefined, "another"), await follow(hub, sessionId, 9)]) {
      await turn();
      assert.deepEqual(
        frames.map((frame) => frame.seq ?? frame.data.reason),
        ["reset", 1, 2],
      );
    }
  });

  test("[DEL-6] text is sent while it is written, a late subscriber gets what was written so far, and no text overtakes an event", async () => {
    const { hub, sessionId, log } = await start();
    const early = await follow(hub, sessionId, 0);
    const text = { messageId: "m", blockIndex: 0, kind: "text" as const };
    await commit(log, notice("1"));
    hub.stream(sessionId, { ...text, text: "Hel" }, 1);
    await turn();
    hub.stream(sessionId, { ...text, text: "lo " }, 1);
    await commit(log, notice("2"));
    hub.stream(sessionId, { ...text, text: "world" }, 2);
    await turn();
    const late = await follow(hub, sessionId, 2);
    await turn();
    const summary = (frames: Frame[]) =>
      frames.map((frame) => (frame.type === "streamData" ? [frame.data.offset, frame.data.text] : frame.seq));
    assert.deepEqual(summary(early), [1, [0, "Hel"], [3, "lo "], 2, [6, "world"]]);
    assert.deepEqual(summary(late), [[0, "Hello world"]]);
    // The stored message replaces what was streamed: whoever comes now gets only that.
    await commit(log, said("m", "Hello world"));
    const after = await follow(hub, sessionId, 2);
    await turn();
    assert.deepEqual(summary(after), [3]);
    assert.deepEqual(summary(late), [[0, "Hello world"], 3]);
  });

  test("[DEL-7] text of a block that was withdrawn is not sent to anybody who comes later", async () => {
    const { hub, sessionId, log } = await start();
    await commit(log, notice("1"));
    const open = await follow(hub, sessionId, 1);
    hub.stream(sessionId, { messageId: "m", blockIndex: 0, kind: "text", text: "half" }, 1);
    await turn();
    await commit(log, { id: undefined, event: { type: "turnCompleted", data: { result: "interrupted" } } });
    const frames = await follow(hub, sessionId, 2);
    await turn();
    assert.deepEqual(frames, []);
    assert.equal(open.length, 2);
  });

  test("[DEL-8] a position moves forward only, for its own epoch, and is there after a restart", async () => {
    const { storage } = await start();
    const at = { deviceId: randomUUID(), sessionId: randomUUID(), epoch: "e1" };
    const options = {
      records: storage.records,
      clock: systemClock,
      onError: (error: unknown) => assert.fail(String(error)),
    };
    const first = createPositions(options);
    assert.equal(await first.acknowledge({ ...at, seq: 5 }), 5);
    assert.equal(await first.acknowledge({ ...at, seq: 3 }), 5);
    await first.setSubscribed({ ...at, subscribed: true });
    await first.close();
    const second = createPositions(options);
    assert.deepEqual(await second.list(at.deviceId), [
      { deviceId: at.deviceId, sessionId: at.sessionId, epoch: "e1", ackedSeq: 5, subscribed: true },
    ]);
    assert.equal(await second.acknowledge({ ...at, epoch: "e2", seq: 1 }), 1);
    await second.close();
  });

  test("[DEL-3] however devices stall, drop, come back and acknowledge: each one's stream is the log, once, in order", async () => {
    type Step =
      | { do: "append"; count: number }
      | { do: "stream"; length: number }
      | { do: "stall" | "go" | "drop" | "back" | "acknowledge" | "forget"; device: number }
      | { do: "turn" };
    const device = fc.nat({ max: 2 });
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 20 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant("stream" as const), length: fc.integer({ min: 1, max: 30 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constantFrom(
            "stall" as const,
            "go" as const,
            "drop" as const,
            "back" as const,
            "acknowledge" as const,
            "forget" as const,
          ),
          device,
        }),
      },
      { weight: 3, arbitrary: fc.constant({ do: "turn" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { storage, hub, sessionId, log } = await start();
        const positions = createPositions({
          records: storage.records,
          clock: systemClock,
          onError: (error) => assert.fail(String(error)),
        });
        const devices = Array.from({ length: 3 }, () => createDevice({ hub, positions, sessionId }));
        for (const one of devices) await one.back();
        let written = 0;
        let blocks = 0;
        const appends: Promise<unknown>[] = [];
        for (const current of steps) {
          if (current.do === "append") {
            const events = Array.from({ length: current.count }, () => notice(String(++written)));
            appends.push(commit(log, ...events));
          } else if (current.do === "stream") {
            await Promise.all(appends);
            hub.stream(
              sessionId,
              { messageId: `m${blocks++ >> 2}`, blockIndex: 0, kind: "text", text: "x".repeat(current.length) },
              written,
            );
          } else if (current.do === "turn") await turn();
          else await devices[current.device]?.[current.do]();
        }
        await Promise.all(appends);
        for (const one of devices) await one.finish(written);
        const stored = await storage.log.read(sessionId, 0, { events: 10_000, bytes: 10_000_000 });
        const expected = stored.map((event) => JSON.parse(event.frame).data.text);
        for (const one of devices) assert.deepEqual(one.texts, expected);
        hub.close();
        await positions.close();
      }),
      {
        numRuns: Number(process.env.PROPERTY_RUNS ?? 1_000),
        ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}),
      },
    );
  });
});

/** A device that keeps what it got, in order, and comes back from where it was. */
function createDevice({ hub, positions, sessionId }: { hub: Hub; positions: Positions; sessionId: string }) {
  const deviceId = randomUUID();
  let epoch = "";
  const texts: string[] = [];
  let position = 0;
  let lastTextAt = 0;
  let subscription: Subscription | undefined;
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let reader: Promise<void> = Promise.resolve();
  let failure: unknown;

  async function read(from: Subscription): Promise<void> {
    for await (const batch of from.batches()) {
      await gate.promise;
      if (subscription !== from) return; // Dropped: what was under way to the old connection is lost.
      for (const frame of batch.frames) {
        const event: Frame = JSON.parse(frame);
        if (event.type === "streamData") lastTextAt = position;
        else {
          assert.equal(event.seq, position + 1, "a hole or a repeat");
          position += 1;
          texts.push(event.data.text);
        }
      }
    }
  }
  const device = {
    texts,
    async stall() {
      gate.resolve();
      gate = Promise.withResolvers<void>();
    },
    async go() {
      gate.resolve();
    },
    async drop() {
      subscription?.close();
      subscription = undefined;
      gate.resolve();
      await reader;
    },
    async back() {
      if (subscription) return;
      subscription = await hub.subscribe(sessionId, { after: position, epoch: undefined, types: undefined });
      epoch = subscription.epoch;
      reader = read(subscription);
      reader.catch((error: unknown) => (failure = error));
    },
    async acknowledge() {
      await positions.acknowledge({ deviceId, sessionId, epoch, seq: position });
    },
    /** The app is gone with all that it had not acknowledged; it begins again where the server knows it to be. */
    async forget() {
      await device.drop();
      position = (await positions.find(deviceId, sessionId))?.ackedSeq ?? 0;
      texts.length = position;
      await device.back();
    },
    async finish(lastSeq: number) {
      await device.back();
      gate.resolve();
      for (let turns = 0; position < lastSeq; turns++) {
        if (failure !== undefined) throw failure;
        assert.ok(turns < 1_000, `stuck at ${position} of ${lastSeq}`);
        await turn();
      }
      assert.ok(lastTextAt <= position);
      await device.drop();
    },
  };
  return device;
}
