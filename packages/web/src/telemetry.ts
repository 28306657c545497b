import type { Companion } from "@claude-companion/client";

/** How far back one looks, and how coarsely. */
export const ranges = {
  hour: { ms: 3_600_000, step: 30 },
  day: { ms: 86_400_000, step: 900 },
  month: { ms: 30 * 86_400_000, step: 86_400 },
} as const;
export type Range = keyof typeof ranges;

/** A metric over time, as the server keeps it. */
export interface History {
  times: number[];
  points: { value: number; count?: number; p50?: number; p95?: number; p99?: number }[];
}

async function read<T>(companion: Companion, path: string): Promise<T> {
  return (await companion.fetch(path)).json();
}

export async function historyOf(companion: Companion, metric: string, range: Range): Promise<History> {
  const { ms, step } = ranges[range];
  const query = new URLSearchParams({ metric, from: new Date(Date.now() - ms).toISOString(), step: String(step) });
  const { points } = await read<{ points: (History["points"][number] & { at: string })[] }>(
    companion,
    `/api/telemetry/history?${query}`,
  );
  return { times: points.map(({ at }) => Date.parse(at)), points };
}

/** What history knows. */
export async function keysOf(companion: Companion): Promise<string[]> {
  const { metrics } = await read<{ metrics: { key: string }[] }>(companion, "/api/telemetry/metrics");
  return metrics.map(({ key }) => key);
}

/** Labelled forms of a metric: `companion.cost` has one for each model. */
export const formsOf = (keys: readonly string[], metric: string): { key: string; label: string }[] =>
  keys
    .filter((key) => key === metric || key.startsWith(`${metric}{`))
    .map((key) => ({ key, label: /\{(.*)\}/.exec(key)?.[1]?.replaceAll(/\w+=/g, "") ?? "all" }));

/** How the server is, at a glance. */
export interface Snapshot {
  since: string;
  websocket: { activeConnections: number; reconnections: number };
  performance: { queueDeliveryTime: { p50: number; p95: number; p99: number } };
}
export const snapshotOf = (companion: Companion): Promise<Snapshot> => read(companion, "/api/telemetry");

/** What is well, and what is not and why. */
export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  version: string;
  checks: Record<string, { status: string; message?: string; since?: string }>;
}
export async function healthOf(companion: Companion): Promise<Health> {
  return read(companion, "/health");
}

export interface AgentUsage {
  sessionId: string;
  pid: number;
  cpu: number;
  memoryBytes: number;
}
export const agentsOf = async (companion: Companion): Promise<AgentUsage[]> =>
  (await read<{ agents: AgentUsage[] }>(companion, "/api/telemetry/agents")).agents;

export interface ErrorGroup {
  where: string;
  code: string;
  message: string;
  count: number;
  lastSeen: string;
}
export const errorsOf = async (companion: Companion): Promise<ErrorGroup[]> =>
  (await read<{ errors: ErrorGroup[] }>(companion, "/api/telemetry/errors")).errors;
