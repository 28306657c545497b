import type { Meter } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import {
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { suffixOf } from "./prometheus-names.ts";
import { type Sample, samplesOf } from "./reading.ts";

const exportMs = 15_000;

/** Where all that is measured comes together. */
export interface Meters {
  readonly meter: Meter;
  /** All samples as they stand now. */
  samples(): Promise<Sample[]>;
  /** The same as text for Prometheus. */
  prometheus(): Promise<string>;
  close(): Promise<void>;
}

/** @param options.url an OTLP/HTTP endpoint for metrics; undefined: nothing is exported */
export async function createMeters(options: { url: string | undefined; resource: Resource }): Promise<Meters> {
  const { url, resource } = options;
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const provider = new MeterProvider({
    resource,
    readers: url === undefined ? [reader] : [reader, await exporting(url)],
  });
  return {
    meter: provider.getMeter("claude-companion"),
    samples: async () => samplesOf((await reader.collect()).resourceMetrics),
    prometheus: async () => serializer.serialize(withUnits((await reader.collect()).resourceMetrics)),
    close: () => provider.shutdown(),
  };
}

/** Loaded by whoever wants it, as in tracing. */
async function exporting(url: string): Promise<PeriodicExportingMetricReader> {
  const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url }),
    exportIntervalMillis: exportMs,
  });
}

/** Names end with their unit; the library leaves that out. */
function withUnits(collected: ResourceMetrics): ResourceMetrics {
  return {
    ...collected,
    scopeMetrics: collected.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => {
        const { name, unit } = metric.descriptor;
        const suffix = suffixOf(unit, metric.dataPointType === DataPointType.GAUGE ? "gauge" : "counter");
        return suffix === undefined
          ? metric
          : { ...metric, descriptor: { ...metric.descriptor, name: `${name}.${suffix}` } };
      }),
    })),
  };
}
