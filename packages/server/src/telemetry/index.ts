export { describeMetrics } from "./catalogue.ts";
export { type Disk, watchDisk } from "./disk.ts";
export type { Report, RequestReport } from "./report.ts";
export type { Series, SeriesStore } from "./series.ts";
export type { Snapshot } from "./snapshot.ts";
export { createTelemetry, logLevels, type Telemetry } from "./telemetry.ts";
