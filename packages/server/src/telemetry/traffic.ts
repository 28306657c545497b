import type { Meter } from "@opentelemetry/api";

/** Counted where every nanosecond counts: plain numbers, read when somebody asks. */
export interface Traffic {
  framesSent: number;
  framesReceived: number;
  framesFailed: number;
  bytesSent: number;
  bytesReceived: number;
  /** Durable events that were handed to sockets. */
  eventsDelivered: number;
  eventsStored: number;
}

/** The server's whole traffic, as instruments. */
export function createTraffic(meter: Meter): Traffic {
  const traffic = {
    framesSent: 0,
    framesReceived: 0,
    framesFailed: 0,
    bytesSent: 0,
    bytesReceived: 0,
    eventsDelivered: 0,
    eventsStored: 0,
  };
  const observe = (
    name: string,
    { unit, description }: { unit: string; description: string },
    values: () => [number, Record<string, string>?][],
  ) =>
    meter.createObservableCounter(name, { unit, description }).addCallback((result) => {
      for (const [value, labels] of values()) result.observe(value, labels);
    });
  observe("companion.frames", { unit: "{frame}", description: "WebSocket frames, by direction." }, () => [
    [traffic.framesSent, { direction: "sent" }],
    [traffic.framesReceived, { direction: "received" }],
  ]);
  observe("companion.frames.failed", { unit: "{frame}", description: "Frames that were no valid commands." }, () => [
    [traffic.framesFailed],
  ]);
  observe("companion.network.io", { unit: "By", description: "Bytes of WebSocket frames, by direction." }, () => [
    [traffic.bytesSent, { direction: "sent" }],
    [traffic.bytesReceived, { direction: "received" }],
  ]);
  observe(
    "companion.messages.delivered",
    { unit: "{event}", description: "Events handed to devices' sockets." },
    () => [[traffic.eventsDelivered]],
  );
  observe("companion.storage.events", { unit: "{event}", description: "Events that were stored." }, () => [
    [traffic.eventsStored],
  ]);
  return traffic;
}
