import { DataPointType, type ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** How often values fell into each bucket; `bounds[i]` is the upper bound of `counts[i]`, the last has none. */
export interface Distribution {
  count: number;
  sum: number;
  counts: readonly number[];
  bounds: readonly number[];
}

/** A metric with one set of labels, as it stands. */
export type Sample = { name: string; unit: string; labels: Readonly<Record<string, string>> } & (
  | { kind: "counter"; value: number }
  | { kind: "gauge"; value: number }
  | { kind: "histogram"; value: Distribution }
);

/** What was collected, as plain values. */
export function samplesOf({ scopeMetrics }: ResourceMetrics): Sample[] {
  return scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap((metric): Sample[] => {
      const { name, unit } = metric.descriptor;
      const labelsOf = (attributes: object) =>
        Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)]));
      switch (metric.dataPointType) {
        case DataPointType.SUM:
        case DataPointType.GAUGE: {
          const kind = metric.dataPointType === DataPointType.SUM && metric.isMonotonic ? "counter" : "gauge";
          return metric.dataPoints.map(({ attributes, value }) => ({
            name,
            unit,
            kind,
            value,
            labels: labelsOf(attributes),
          }));
        }
        case DataPointType.HISTOGRAM:
          return metric.dataPoints.map(({ attributes, value }) => ({
            name,
            unit,
            kind: "histogram",
            labels: labelsOf(attributes),
            value: {
              count: value.count,
              sum: value.sum ?? 0,
              counts: value.buckets.counts,
              bounds: value.buckets.boundaries,
            },
          }));
        default:
          // No instrument of ours makes exponential histograms.
          return [];
      }
    }),
  );
}

export const emptyDistribution: Distribution = { count: 0, sum: 0, counts: [], bounds: [] };

/** `a + sign × b`, bucket by bucket. */
export function combined(a: Distribution, b: Distribution, sign: 1 | -1): Distribution {
  const bounds = a.bounds.length > 0 ? a.bounds : b.bounds;
  const length = Math.max(a.counts.length, b.counts.length);
  return {
    count: a.count + sign * b.count,
    sum: a.sum + sign * b.sum,
    bounds,
    counts: Array.from({ length }, (_, i) => (a.counts[i] ?? 0) + sign * (b.counts[i] ?? 0)),
  };
}

/** A quantile, by linear interpolation in its bucket, as Prometheus does it. 0 when there is nothing. */
export function quantileOf({ counts, bounds, count }: Distribution, q: number): number {
  const rank = q * count;
  let below = 0;
  for (let i = 0; i < counts.length && count > 0; i++) {
    const inBucket = counts[i] ?? 0;
    const lower = bounds[i - 1] ?? 0;
    // Beyond the last bound nothing is known but that it is more.
    const upper = bounds[i] ?? lower;
    if (inBucket > 0 && below + inBucket >= rank) return lower + ((upper - lower) * (rank - below)) / inBucket;
    below += inBucket;
  }
  return 0;
}
