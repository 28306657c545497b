export { type Disk, watchDisk } from "./disk.ts";
export type { ErrorGroup } from "./errors.ts";
export type { Report, RequestReport } from "./report.ts";
export type { Point, Series, SeriesStore } from "./series.ts";
export type { Snapshot } from "./snapshot.ts";
export { createTelemetry, type LogLevel, logLevels, type Telemetry } from "./telemetry.ts";
