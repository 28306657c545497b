import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";

/** Nanoseconds, as Node gives them, in seconds. */
const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);

/** How the process is: utilisation, saturation. Named as the semantic conventions name it. @returns stops measuring */
export function observeProcess(meter: Meter): () => void {
  const gauge = (name: string, unit: string, description: string, value: () => number | undefined) =>
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
      const now = value();
      if (now !== undefined) result.observe(now);
    });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let before = performance.eventLoopUtilization();

  meter
    .createObservableCounter("process.cpu.time", { unit: "s", description: "CPU time, by mode." })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe(user / 1e6, { "cpu.mode": "user" });
      result.observe(system / 1e6, { "cpu.mode": "system" });
    });
  gauge("process.memory.usage", "By", "Resident memory.", () => process.memoryUsage.rss());
  gauge("v8js.memory.heap.used", "By", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  gauge("process.uptime", "s", "Since the process started.", () => process.uptime());
  gauge("process.open_file_descriptors", "{file_descriptor}", "Open file descriptors.", () => {
    try {
      return readdirSync("/proc/self/fd").length;
    } catch {
      // Not Linux.
      return undefined;
    }
  });
  // The sampling timer's own 20 ms are in what it measures.
  const late = (nanoseconds: number) => Math.max(0, seconds(nanoseconds) - 0.02);
  gauge("nodejs.eventloop.delay.p50", "s", "How late timers are, median since the last look.", () =>
    late(delay.percentile(50)),
  );
  gauge("nodejs.eventloop.delay.p99", "s", "The same, 99th percentile.", () => late(delay.percentile(99)));
  gauge("nodejs.eventloop.delay.max", "s", "The same, the worst.", () => {
    const worst = late(delay.max);
    delay.reset();
    return worst;
  });
  gauge("nodejs.eventloop.utilization", "1", "Share of time that the event loop worked, since the last look.", () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  });
  return () => delay.disable();
}
