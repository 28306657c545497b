import { type Clock, isoTime } from "../clock.ts";
import { combined, type Distribution, emptyDistribution, quantileOf, type Sample } from "./reading.ts";

/** How the server is, at a glance. Counts since the start or the last reset; times in milliseconds. */
export interface Snapshot {
  timestamp: string;
  /** Since when is counted. */
  since: string;
  websocket: {
    activeConnections: number;
    totalMessages: { sent: number; received: number; failed: number };
    reconnections: number;
  };
  sessions: { created: number; resumed: number; expired: number; active: number; duplicatesPrevented: number };
  /** Events: stored, handed to devices, gone by age or size; empty pieces of text that were dropped. */
  messages: { queued: number; delivered: number; expired: number; filtered: number };
  performance: {
    avgMessageProcessingTime: number;
    avgQueueDeliveryTime: number;
    messageProcessingTime: { p50: number; p95: number; p99: number };
    queueDeliveryTime: { p50: number; p95: number; p99: number };
  };
}

export interface Snapshots {
  take(): Promise<Snapshot>;
  /** Counts from now on. */
  reset(): Promise<void>;
}

export function createSnapshots(options: { samples: () => Promise<Sample[]>; clock: Pick<Clock, "now"> }): Snapshots {
  const { clock } = options;
  let since = clock.now();
  let base: readonly Sample[] = [];

  function readerOf(samples: readonly Sample[]) {
    const fits = (sample: Sample, name: string, labels: Record<string, string>) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
    const total = (all: readonly Sample[], name: string, labels: Record<string, string>) =>
      all.reduce(
        (sum, sample) => (sample.kind !== "histogram" && fits(sample, name, labels) ? sum + sample.value : sum),
        0,
      );
    const whole = (all: readonly Sample[], name: string) =>
      all.reduce<Distribution>(
        (sum, sample) => (sample.kind === "histogram" && sample.name === name ? combined(sum, sample.value, 1) : sum),
        emptyDistribution,
      );
    return {
      count: (name: string, labels: Record<string, string> = {}) =>
        total(samples, name, labels) - total(base, name, labels),
      now: (name: string) => total(samples, name, {}),
      times: (...names: string[]) =>
        names.map((name) => combined(whole(samples, name), whole(base, name), -1)).reduce((a, b) => combined(a, b, 1)),
    };
  }
  return {
    async take() {
      const { count, now, times } = readerOf(await options.samples());
      const processing = times("companion.command.duration", "http.server.request.duration");
      const delivery = times("companion.delivery.duration");
      return {
        timestamp: isoTime(clock.now()),
        since: isoTime(since),
        websocket: {
          activeConnections: now("companion.connections"),
          totalMessages: {
            sent: count("companion.frames", { direction: "sent" }),
            received: count("companion.frames", { direction: "received" }),
            failed: count("companion.frames.failed"),
          },
          reconnections: count("companion.reconnections"),
        },
        sessions: {
          created: count("companion.sessions.created"),
          resumed: count("companion.sessions.resumed"),
          expired: count("companion.sessions.expired"),
          active: now("companion.sessions"),
          duplicatesPrevented: count("companion.duplicates.prevented"),
        },
        messages: {
          queued: count("companion.storage.events"),
          delivered: count("companion.messages.delivered"),
          expired: count("companion.messages.expired"),
          filtered: count("companion.messages.filtered"),
        },
        performance: {
          avgMessageProcessingTime: meanMs(processing),
          avgQueueDeliveryTime: meanMs(delivery),
          messageProcessingTime: quantilesMs(processing),
          queueDeliveryTime: quantilesMs(delivery),
        },
      };
    },
    async reset() {
      base = await options.samples();
      since = clock.now();
    },
  };
}

const ms = (seconds: number) => Math.round(seconds * 1e6) / 1e3;
const meanMs = ({ count, sum }: Distribution) => (count === 0 ? 0 : ms(sum / count));
const quantilesMs = (times: Distribution) => ({
  p50: ms(quantileOf(times, 0.5)),
  p95: ms(quantileOf(times, 0.95)),
  p99: ms(quantileOf(times, 0.99)),
});
