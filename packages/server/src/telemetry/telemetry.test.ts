import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryStorage } from "../storage/index.ts";
import { correlationOf, createCorrelations, traceparentOf } from "./correlation.ts";
import { createErrorGroups } from "./errors.ts";
import { createLogger } from "./logger.ts";
import { type Distribution, quantileOf, type Sample } from "./reading.ts";
import { createSeries, steps } from "./series.ts";
import { createTelemetry } from "./telemetry.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A clock that is set, and whose timers never ring: looks are taken by hand. */
function handClock(now: number) {
  return { now: () => now, monotonicMs: () => now, after: () => () => {}, set: (to: number) => (now = to) };
}
const bounds = [0.001, 0.01, 0.1];
const distribution = (...counts: number[]): Distribution => ({
  count: counts.reduce((sum, n) => sum + n, 0),
  sum: counts.reduce((sum, n, i) => sum + n * (bounds[i] ?? 1), 0),
  counts,
  bounds,
});

describe("telemetry", () => {
  test("[TEL-1] history keeps growth, means and percentiles, finer for young times than for old, and goes on after a restart", async () => {
    const start = Date.UTC(2026, 10, 1);
    const clock = handClock(start);
    const { series: store } = createMemoryStorage();
    let total = 0;
    let times = distribution(0, 0, 0, 0);
    let free = 5;
    const samples = async (): Promise<Sample[]> => [
      { name: "turns", unit: "{turn}", kind: "counter", value: total, labels: { result: "success" } },
      { name: "turns", unit: "{turn}", kind: "counter", value: 1, labels: { result: "error" } },
      { name: "companion.errors", unit: "{error}", kind: "counter", value: total, labels: { code: "CONFLICT" } },
      { name: "free", unit: "By", kind: "gauge", value: free, labels: {} },
      { name: "took", unit: "s", kind: "histogram", value: times, labels: {} },
    ];
    const open = () => createSeries({ store, samples, clock, onError: assert.ifError });
    let series = await open();
    const look = async (at: number) => {
      clock.set(at);
      await series.record();
    };
    const history = async (key: string, from: number, to: number, stepMs?: number) =>
      (await series.history({ key, from, to, stepMs })).points.map((point) => [
        (point.at - start) / second,
        point.value,
      ]);

    for (let i = 1; i <= 30; i++) {
      total += i;
      free = i % 2 === 0 ? 4 : 8;
      times = distribution(i, i, 0, 0);
      await look(start + i * 10 * second);
    }
    assert.deepEqual(await history("turns", start, start + 40 * second), [
      [10, 2],
      [20, 2],
      [30, 3],
    ]);
    assert.deepEqual(await history("companion.errors{code=CONFLICT}", start, start + 30 * second), [
      [10, 1],
      [20, 2],
    ]);
    // The first minute has the looks at 10 to 50 s: 1 + 2 + 3 + 4 + 5, and the error.
    assert.equal((await history("turns", start, start + hour, hour)).length, 1, "an hour that has just begun is there");
    assert.deepEqual(await history("turns", start, start + 2 * minute, minute), [
      [0, 16],
      [60, 6 + 7 + 8 + 9 + 10 + 11],
    ]);
    const { points } = await series.history({
      key: "free",
      from: start + minute,
      to: start + 2 * minute,
      stepMs: minute,
    });
    assert.deepEqual(points, [{ at: start + minute, value: 6, max: 8 }]);
    const took = await series.history({ key: "took", from: start, to: start + 20 * second, stepMs: undefined });
    const [first] = took.points;
    assert.deepEqual([took.kind, took.unit, first?.count], ["histogram", "s", 2]);
    assert.ok(Math.abs((first?.p50 ?? 0) - 0.001) < 1e-9, "half of them stand below the first bound");
    assert.ok((first?.p99 ?? 0) > 0.009 && (first?.p99 ?? 0) <= 0.01);

    // Another server begins to count at zero: no growth is lost, none is counted twice.
    await series.close();
    const before = (await history("turns", start, start + 2 * hour)).reduce((sum, [, value]) => sum + (value ?? 0), 0);
    assert.equal(before, 1 + (30 * 31) / 2);
    series = await open();
    total = 7;
    await look(start + 310 * second);
    const after = (await history("turns", start, start + 2 * hour)).reduce((sum, [, value]) => sum + (value ?? 0), 0);
    assert.equal(after, before + 7 + 1);

    // Later the fine rows are gone, and the coarse ones answer.
    await look(start + hour + 10 * second);
    await look(start + 2 * day);
    const rows = (ms: number) => store.read(ms, { from: 0, to: start + 3 * day, key: undefined });
    assert.ok((await rows(steps[0].ms)).every(({ at }) => at >= start + day));
    const old = await series.history({ key: "turns", from: start, to: start + hour, stepMs: undefined });
    assert.equal(old.stepMs, minute);
    assert.equal(
      old.points.reduce((sum, { value }) => sum + value, 0),
      after,
    );
    assert.deepEqual(await history("turns", start, start + hour, hour), [[0, after]]);
    await assert.rejects(series.history({ key: "nothing", from: start, to: start + 1, stepMs: undefined }), {
      code: "NOT_FOUND",
    });
    await assert.rejects(series.history({ key: "turns", from: start, to: start, stepMs: undefined }), {
      code: "INVALID_REQUEST",
    });
    assert.ok((await series.keys()).some(({ key }) => key === "companion.errors{code=CONFLICT}"));
  });

  test("[TEL-2] percentiles come from buckets as Prometheus has them; labels never have any number of values", async () => {
    assert.equal(quantileOf(distribution(0, 0, 0, 0), 0.5), 0);
    assert.equal(quantileOf(distribution(10, 0, 0, 0), 0.5), 0.0005);
    assert.equal(quantileOf(distribution(0, 10, 0, 0), 0.5).toFixed(6), "0.005500");
    assert.equal(quantileOf(distribution(0, 0, 0, 10), 0.99), 0.1, "beyond the last bound nothing is known");
    const telemetry = await createTelemetry({ level: "silent" });
    for (let i = 0; i < 200; i++)
      telemetry.report.turnCompleted({
        sessionId: `s${i}`,
        result: "success",
        durationMs: 10,
        costUsd: 0.01,
        model: `model-${i}`,
        usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 0, cacheCreationTokens: 0 },
      });
    const text = await telemetry.prometheus();
    const costs = text.split("\n").filter((line) => line.startsWith("companion_cost_usd_total{"));
    assert.equal(costs.length, 51);
    assert.match(text, /companion_cost_usd_total\{model="other"\} 1\.5\d*/);
    assert.ok(!text.includes("s199"), "ids are no labels");
    await telemetry.close();
  });

  test("[TEL-3] errors are grouped but for ids and numbers, counted, and the last seen stand first", () => {
    const clock = handClock(1_000);
    const groups = createErrorGroups(clock);
    const note = (message: string, correlationId: string) =>
      groups.note({ where: "sendMessage", code: "SESSION_NOT_FOUND", message, correlationId });
    note("There is no session 4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11.", "a");
    clock.set(2_000);
    groups.note({ where: "interrupt", code: "INTERNAL", message: "oh", correlationId: undefined });
    clock.set(3_000);
    note("There is no session 7e6d1c0a-0a52-4a0e-8d4b-5a3a1f3b2c10.", "b");
    const [first, second, ...rest] = groups.list();
    assert.deepEqual(
      [first?.count, first?.firstSeen, first?.lastSeen, first?.correlationId, second?.where, rest],
      [2, 1_000, 3_000, "b", "interrupt", []],
    );
    for (let i = 0; i < 2_000; i++)
      groups.note({
        where: `w${String.fromCharCode(97 + (i % 26))}${"x".repeat(i)}`,
        code: "C",
        message: "m",
        correlationId: undefined,
      });
    assert.equal(groups.list().length, 500, "the oldest are forgotten");
    groups.note({ where: "frame", code: "C", message: "x".repeat(1_000_000), correlationId: undefined });
    assert.equal(groups.list()[0]?.message.length, 300);
  });

  test("[TEL-4] a trace that comes in goes on under its id; what is no trace begins another", () => {
    const incoming = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert.equal(traceparentOf(correlationOf(incoming) ?? assert.fail()), incoming);
    for (const none of [
      undefined,
      "",
      "00-xyz",
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `00-${"a".repeat(32)}-${"0".repeat(16)}-01`,
    ])
      assert.equal(correlationOf(none), undefined);
    const correlations = createCorrelations();
    const { correlationId, spanId } = correlations.begin(incoming);
    assert.deepEqual(
      [correlationId, spanId],
      ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"],
      "who called is known",
    );
    const own = correlations.begin("nonsense");
    assert.match(own.correlationId, /^[0-9a-f]{32}$/);
    assert.equal(correlations.current(), undefined);
    correlations.run(own, () => assert.equal(correlations.current(), own));
  });

  test("[TEL-5] secrets and paths under home do not reach the log, however they come; the level changes at once", () => {
    const lines: string[] = [];
    const logger = createLogger({
      level: "info",
      destination: { write: (line) => void lines.push(line) },
      secrets: ["a-secret-of-the-environment"],
      context: () => ({ correlationId: "c1" }),
    });
    logger.info({ token: "t0ken", nested: { pushToken: "pushed", deeper: { secret: "tulip" } } }, "said");
    logger.error(
      { err: new Error(`cannot read ${process.env.HOME}/private/file with a-secret-of-the-environment`) },
      "failed",
    );
    logger.debug("not yet");
    logger.level = "debug";
    logger.debug("now");
    const log = lines.join("");
    for (const forbidden of ["t0ken", "pushed", "tulip", "a-secret-of", "not yet", `${process.env.HOME}/private`])
      assert.ok(!log.includes(forbidden), forbidden);
    assert.match(log, /~\/private\/file/);
    assert.ok(lines.every((line) => JSON.parse(line).correlationId === "c1"));
    assert.ok(log.includes('"now"'));
  });
});
