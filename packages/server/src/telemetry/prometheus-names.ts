/** How Prometheus names units: base units, at the end of a name. */
const suffixes: Readonly<Record<string, string>> = { s: "seconds", By: "bytes", USD: "usd", "1": "ratio" };

/**
 * The unit at the end of a metric's name, as the specification "Prometheus and OpenMetrics Compatibility" wants it.
 * @returns undefined for units such as `{turn}`, which stand in the name already, and for a share that is no gauge
 */
export const suffixOf = (unit: string, kind: "counter" | "gauge" | "histogram"): string | undefined =>
  unit === "1" && kind !== "gauge" ? undefined : suffixes[unit];
