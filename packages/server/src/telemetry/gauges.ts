import type { Meter } from "@opentelemetry/api";

/** What other rooms know and telemetry asks for when somebody looks. With a label there is a value for each of its values. */
export const gauges = {
  "companion.connections": { unit: "{connection}", description: "WebSocket connections.", label: undefined },
  "companion.sessions": { unit: "{session}", description: "Sessions that have not ended, by status.", label: "status" },
  "companion.agents": { unit: "{agent}", description: "Agents that run.", label: undefined },
  "companion.agents.cpu.utilization": { unit: "1", description: "Cores that agents' processes take, in all.", label: undefined },
  "companion.agents.memory.usage": { unit: "By", description: "Memory of agents' processes, in all.", label: undefined },
  "companion.storage.queue": { unit: "{operation}", description: "Operations that wait for the storage threads.", label: undefined },
  "companion.disk.free": { unit: "By", description: "Free where the data lies.", label: undefined },
  "companion.database.size": { unit: "By", description: "The database with its log.", label: undefined },
  "companion.push.providers.troubled": { unit: "{provider}", description: "Push providers that are left alone for a while.", label: undefined },
} as const; // biome-ignore format: a table

/** How each is read; undefined: not known now. */
export type GaugeReaders = { [Name in keyof typeof gauges]: () => number | undefined | Record<string, number> };

export function createGauges(meter: Meter, readers: GaugeReaders): void {
  for (const [name, { unit, description, label }] of Object.entries(gauges))
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
      const value = readers[name as keyof GaugeReaders]();
      if (typeof value === "number") result.observe(value);
      else if (value !== undefined && label !== undefined)
        for (const [key, one] of Object.entries(value)) result.observe(one, { [label]: key });
    });
}
