import { createNoopMeter, type Meter, type MetricOptions } from "@opentelemetry/api";
import { createGauges, gauges } from "./gauges.ts";
import { createInstruments } from "./instruments.ts";
import { observeProcess } from "./process-gauges.ts";
import { suffixOf } from "./prometheus-names.ts";
import { createTraffic } from "./traffic.ts";

/** A metric, for people who want to ask for it. */
export interface MetricDescription {
  name: string;
  /** As Prometheus has it. */
  prometheusName: string;
  kind: "counter" | "gauge" | "histogram";
  unit: string;
  description: string;
}

/** All metrics that there are, whether anything has been measured yet or not. */
export function describeMetrics(): MetricDescription[] {
  const found: MetricDescription[] = [];
  const note = (method: string, name: string, { unit = "", description = "" }: MetricOptions) => {
    const kind = /Histogram/.test(method) ? "histogram" : /Gauge/.test(method) ? "gauge" : "counter";
    const words = [name, suffixOf(unit, kind), kind === "counter" ? "total" : undefined].filter(
      (word) => word !== undefined,
    );
    found.push({ name, prometheusName: words.join("_").replaceAll(/[^a-z0-9_]/gi, "_"), kind, unit, description });
  };
  const noop = createNoopMeter();
  // Whatever makes an instrument is noted on the way.
  const meter: Meter = new Proxy(noop, {
    get: (target, method: "createCounter") => (name: string, options: MetricOptions) => {
      note(method, name, options);
      return target[method](name, options);
    },
  });
  createInstruments(meter);
  createTraffic(meter);
  const nothing = Object.fromEntries(Object.keys(gauges).map((name) => [name, () => undefined]));
  createGauges(meter, nothing as never);
  observeProcess(meter)();
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
