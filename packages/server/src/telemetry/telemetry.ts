import { createNoopMeter } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { atMost, type Clock, systemClock } from "../clock.ts";
import { createCorrelations } from "./correlation.ts";
import { createErrorGroups, type ErrorGroup } from "./errors.ts";
import { createGauges, type GaugeReaders } from "./gauges.ts";
import { createInstruments } from "./instruments.ts";
import { createLogger } from "./logger.ts";
import { createMeters } from "./meters.ts";
import { observeProcess } from "./process-gauges.ts";
import { createReport, type Report } from "./report.ts";
import { createSeries, type Series, type SeriesStore } from "./series.ts";
import { createSnapshots, type Snapshots } from "./snapshot.ts";
import { createTracing } from "./tracing.ts";
import { createTraffic } from "./traffic.ts";

/** Levels of the log, the most talkative first. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** How long what is left may take to be exported when the server stops. */
const exportMs = 2_000;

/** How the system is: log, metrics, traces, errors. */
export interface Telemetry {
  readonly report: Report;
  logLevel: LogLevel;
  readonly snapshots: Snapshots;
  errors(): ErrorGroup[];
  /** All metrics as text for Prometheus. */
  prometheus(): Promise<string>;
  /** Adds what other rooms know. */
  observe(readers: GaugeReaders): void;
  /** Begins to keep history. */
  keep(store: SeriesStore): Promise<Series>;
  /** Exports what is left. */
  close(): Promise<void>;
}

/**
 * @param options.otlpUrl base of an OTLP/HTTP endpoint (`http://127.0.0.1:4318`); metrics and traces are exported there
 * @param options.measures false: instruments that measure nothing, to know what measuring costs
 * @param options.secrets texts that must never stand in the log
 */
export async function createTelemetry(options: {
  level: string;
  version?: string;
  destination?: { write(line: string): void } | undefined;
  otlpUrl?: string | undefined;
  measures?: boolean;
  secrets?: readonly string[];
  clock?: Clock;
}): Promise<Telemetry> {
  const { otlpUrl, measures = true, clock = systemClock } = options;
  const correlations = createCorrelations();
  const logger = createLogger({
    level: options.level,
    destination: options.destination,
    secrets: options.secrets ?? [],
    context() {
      const current = correlations.current();
      return current === undefined ? {} : { correlationId: current.correlationId };
    },
  });
  const resource = resourceFromAttributes({
    "service.name": "claude-companion",
    "service.version": options.version ?? "0.0.0",
  });
  const urlOf = (signal: "metrics" | "traces") =>
    otlpUrl === undefined ? undefined : `${otlpUrl.replace(/\/$/, "")}/v1/${signal}`;
  const meters = await createMeters({ url: urlOf("metrics"), resource });
  const meter = measures ? meters.meter : createNoopMeter();
  const tracing = await createTracing({ url: urlOf("traces"), resource });
  const errors = createErrorGroups(clock);
  const stopObserving = observeProcess(meter);
  const report = createReport({
    logger,
    instruments: createInstruments(meter),
    traffic: createTraffic(meter),
    tracing,
    correlations,
    errors,
    now: clock.now,
  });

  return {
    report,
    get logLevel() {
      return logger.level as LogLevel;
    },
    set logLevel(level) {
      logger.level = level;
    },
    snapshots: createSnapshots({ samples: meters.samples, clock }),
    errors: errors.list,
    prometheus: meters.prometheus,
    observe: (readers) => createGauges(meter, readers),
    keep: (store) =>
      createSeries({
        store,
        samples: meters.samples,
        clock,
        onError: (error) => report.storageFailed({ operation: "keep metrics", error }),
      }),
    async close() {
      stopObserving();
      // Nobody who takes them: then they are lost, and the server stops all the same.
      await atMost(clock, exportMs, Promise.allSettled([meters.close(), tracing.close()]));
    },
  };
}
