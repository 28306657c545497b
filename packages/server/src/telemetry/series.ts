import { CompanionError } from "@claude-companion/protocol";
import { type Clock, every } from "../clock.ts";
import { combined, type Distribution, quantileOf, type Sample } from "./reading.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** How fine and how long: ten seconds for a day, a minute for two weeks, an hour for two years. About 20 MB in all. */
export const steps = [
  { ms: 10_000, keepMs: dayMs },
  { ms: minuteMs, keepMs: 14 * dayMs },
  { ms: hourMs, keepMs: 730 * dayMs },
] as const;
const pointsMax = 2_000;
const keysMax = 400;

/** Labels that history tells apart; all others are summed. */
const toldApart: Readonly<Record<string, readonly string[]>> = {
  "companion.errors": ["code"],
  "companion.tokens": ["type", "model"],
  "companion.cost": ["model"],
  "companion.turns": ["result"],
  "companion.notifications": ["outcome"],
  "companion.sessions": ["status"],
  "companion.frames": ["direction"],
  "process.memory.usage": [],
};

/** What a metric did in one step. A counter: by how much it grew. A gauge: sum, how often looked at, the most. A histogram: count, sum, and its buckets that are not empty. */
type Value =
  | number
  | { g: [sum: number, n: number, max: number] }
  | { h: [count: number, sum: number, buckets: [number, number][]] };
/** What all metrics did in one step; what did nothing does not stand there. */
type Row = Record<string, Value>;

/** Where rows are kept, one a step and time. */
export interface SeriesStore {
  /** Replaces. @param at the beginning of the step, ms since 1970 @param values JSON */
  write(stepMs: number, at: number, values: string): Promise<void>;
  /** In order; from inclusive, to exclusive. With a key only that key's value, and only rows that have it. */
  read(
    stepMs: number,
    range: { from: number; to: number; key: string | undefined },
  ): Promise<{ at: number; values: string }[]>;
  prune(stepMs: number, before: number): Promise<void>;
}

/** A point of a history. */
export interface Point {
  at: number;
  /** Counter: growth in the step. Gauge: mean. Histogram: mean, in its unit. */
  value: number;
  max?: number;
  count?: number;
  p50?: number;
  p95?: number;
  p99?: number;
}

/** Metrics over time, kept in the server's own database, so that a dashboard works with nothing installed. */
export interface Series {
  /** Keys that history knows, with kind and unit. */
  keys(): Promise<{ key: string; kind: Sample["kind"]; unit: string }[]>;
  /** @throws CompanionError `NOT_FOUND`, `INVALID_REQUEST` */
  history(query: {
    key: string;
    from: number;
    to: number;
    stepMs: number | undefined;
  }): Promise<{ kind: Sample["kind"]; unit: string; stepMs: number; points: Point[] }>;
  /** Takes a look now. */
  record(): Promise<void>;
  /** Takes a last look. */
  close(): Promise<void>;
}

export async function createSeries(options: {
  store: SeriesStore;
  samples: () => Promise<Sample[]>;
  clock: Clock;
  onError: (error: unknown) => void;
}): Promise<Series> {
  const { store, clock } = options;
  let before = new Map<string, Sample>();
  let known = new Map<string, Sample>();
  let recording: Promise<void> | undefined;
  /** Until when the coarser steps have been rolled up. */
  const rolledUp = new Map<number, number>(steps.map(({ ms }) => [ms, 0]));

  /** Growth since the last look. After a restart the first look has nothing to compare with but the start, which was zero. */
  function rowOf(now: ReadonlyMap<string, Sample>): Row {
    const row: Row = {};
    for (const [key, sample] of now) {
      const old = before.get(key);
      if (sample.kind === "gauge") row[key] = { g: [sample.value, 1, sample.value] };
      else if (sample.kind === "counter") {
        const growth = sample.value - (old?.kind === "counter" ? old.value : 0);
        if (growth > 0) row[key] = growth;
      } else {
        const growth = old?.kind === "histogram" ? combined(sample.value, old.value, -1) : sample.value;
        const buckets = growth.counts.flatMap((n, i): [number, number][] => (n > 0 ? [[i, n]] : []));
        if (growth.count > 0) row[key] = { h: [growth.count, growth.sum, buckets] };
      }
    }
    return row;
  }
  async function look(): Promise<void> {
    const [finest] = steps;
    const at = Math.floor(clock.now() / finest.ms) * finest.ms;
    const now = bySeries(await options.samples());
    const row = rowOf(now);
    before = now;
    for (const [key, sample] of now) if (known.size < keysMax) known.set(key, sample);
    // Two looks in one step (a last one, say) are one row.
    const [same] = await store.read(finest.ms, { from: at, to: at + 1, key: undefined });
    await store.write(finest.ms, at, JSON.stringify(same ? merged([JSON.parse(same.values), row]) : row));
    await rollUp(clock.now());
  }
  async function rollUp(now: number): Promise<void> {
    for (const [i, step] of steps.entries()) {
      const finer = steps[i - 1];
      if (finer === undefined) continue;
      const end = Math.floor(now / step.ms) * step.ms;
      // Also what a restart left in the middle; further back there is nothing new.
      let from = Math.max(rolledUp.get(step.ms) ?? 0, end - Math.max(2 * step.ms, hourMs));
      for (; from < end; from += step.ms) {
        const rows = await store.read(finer.ms, { from, to: from + step.ms, key: undefined });
        if (rows.length > 0)
          await store.write(step.ms, from, JSON.stringify(merged(rows.map(({ values }) => JSON.parse(values)))));
      }
      if (end > (rolledUp.get(step.ms) ?? 0)) for (const { ms, keepMs } of steps) await store.prune(ms, now - keepMs);
      rolledUp.set(step.ms, end);
    }
  }
  /** Rows of a step, and, for its time that has not passed yet, those of the finer ones. */
  async function read(i: number, range: { from: number; to: number; key: string }): ReturnType<SeriesStore["read"]> {
    const step = steps[i];
    if (step === undefined) return [];
    const rows = await store.read(step.ms, range);
    const begun = rolledUp.get(step.ms) || Math.floor(clock.now() / step.ms) * step.ms;
    if (i === 0 || begun >= range.to) return rows;
    return [...rows, ...(await read(i - 1, { ...range, from: Math.max(range.from, begun) }))];
  }
  const record = () => {
    recording ??= look().finally(() => {
      recording = undefined;
    });
    return recording;
  };
  const stop = every(clock, steps[0].ms, () => void record().catch(options.onError));

  return {
    record,
    async keys() {
      const now = bySeries(await options.samples());
      for (const [key, sample] of now) known.set(key, sample);
      known = new Map([...known].slice(0, keysMax));
      return [...known].map(([key, { kind, unit }]) => ({ key, kind, unit })).sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    async history({ key, from, to, stepMs }) {
      const sample = known.get(key) ?? bySeries(await options.samples()).get(key);
      if (sample === undefined)
        throw new CompanionError("NOT_FOUND", `There is no metric ${key}. List them with GET /api/telemetry/metrics.`);
      if (to <= from) throw new CompanionError("INVALID_REQUEST", "`to` must be later than `from`.");
      // Not finer than is kept for that time, and not more points than a picture has.
      const fits = ({ ms, keepMs }: (typeof steps)[number]) =>
        from >= clock.now() - keepMs - ms && (to - from) / ms <= pointsMax;
      const step = steps.find((candidate) => fits(candidate) && candidate.ms >= (stepMs ?? 0)) ?? steps[2];
      const rows = await read(steps.indexOf(step), { from, to, key });
      const wanted = Math.max(step.ms, Math.floor((stepMs ?? 0) / step.ms) * step.ms);
      const byTime = Map.groupBy(rows, ({ at }) => Math.floor(at / wanted) * wanted);
      const bounds = sample.kind === "histogram" ? sample.value.bounds : [];
      const points = [...byTime].map(([at, own]) => {
        const value = merged(own.map(({ values }) => ({ [key]: JSON.parse(values) })))[key] ?? 0;
        return pointOf(at, value, bounds);
      });
      return { kind: sample.kind, unit: sample.unit, stepMs: wanted, points };
    },
    async close() {
      stop();
      await record().catch(options.onError);
    },
  };
}

/** Samples under the keys that history has them by; those that it does not tell apart are added up. */
function bySeries(samples: readonly Sample[]): Map<string, Sample> {
  const all = new Map<string, Sample>();
  for (const sample of samples) {
    const names = toldApart[sample.name] ?? [];
    const labels = names.flatMap((name) =>
      sample.labels[name] === undefined ? [] : [`${name}=${sample.labels[name]}`],
    );
    const keys = labels.length === 0 ? [sample.name] : [sample.name, `${sample.name}{${labels.join(",")}}`];
    for (const key of keys) {
      const known = all.get(key);
      if (known === undefined) all.set(key, sample);
      else if (known.kind === "histogram" && sample.kind === "histogram")
        all.set(key, { ...known, value: combined(known.value, sample.value, 1) });
      else if (known.kind !== "histogram" && sample.kind !== "histogram")
        all.set(key, { ...known, value: known.value + sample.value });
    }
  }
  return all;
}

/** Several rows as one. */
function merged(rows: readonly Row[]): Row {
  const all: Row = {};
  for (const row of rows)
    for (const [key, value] of Object.entries(row)) {
      const known = all[key];
      all[key] = known === undefined ? value : sumOf(known, value);
    }
  return all;
}
function sumOf(a: Value, b: Value): Value {
  if (typeof a === "number" || typeof b === "number")
    return (typeof a === "number" ? a : 0) + (typeof b === "number" ? b : 0);
  if ("g" in a && "g" in b) return { g: [a.g[0] + b.g[0], a.g[1] + b.g[1], Math.max(a.g[2], b.g[2])] };
  if ("h" in a && "h" in b) {
    const buckets = new Map(a.h[2]);
    for (const [i, n] of b.h[2]) buckets.set(i, (buckets.get(i) ?? 0) + n);
    return { h: [a.h[0] + b.h[0], a.h[1] + b.h[1], [...buckets].sort(([x], [y]) => x - y)] };
  }
  // A metric that became another kind with a new version: the newer one counts.
  return b;
}

function pointOf(at: number, value: Value, bounds: readonly number[]): Point {
  if (typeof value === "number") return { at, value };
  if ("g" in value) return { at, value: value.g[0] / value.g[1], max: value.g[2] };
  const [count, sum, buckets] = value.h;
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  for (const [i, n] of buckets) counts[i] = n;
  const distribution: Distribution = { count, sum, counts, bounds };
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantileOf(distribution, q)) as [number, number, number];
  return { at, value: count === 0 ? 0 : sum / count, count, p50, p95, p99 };
}
