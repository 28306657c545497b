import pidusage from "pidusage";
import { type Clock, every } from "../clock.ts";
import type { AgentHosts } from "./host/index.ts";

const lookMs = 10_000;

/** What an agent's process takes. */
export interface AgentUsage {
  /** The session. */
  key: string;
  pid: number;
  /** Share of one core since the last look; above 1 with several. */
  cpu: number;
  memoryBytes: number;
  uptimeSeconds: number;
}

/** What agents' processes take, looked at now and then. */
export interface AgentUsages {
  readonly current: readonly AgentUsage[];
  close(): void;
}

/** @param options.isAnyRunning asked first: looking at nobody costs nothing */
export function watchAgentUsage(options: {
  hosts: Pick<AgentHosts, "list">;
  isAnyRunning: () => boolean;
  clock: Clock;
}): AgentUsages {
  let current: AgentUsage[] = [];
  async function look(): Promise<void> {
    const agents = options.isAnyRunning() ? (await options.hosts.list()).filter(({ exit }) => exit === undefined) : [];
    const looked = agents.map(async ({ key, pid }): Promise<AgentUsage | undefined> => {
      // It may have ended meanwhile.
      const seen = await pidusage(pid).catch(() => undefined);
      return seen && { key, pid, cpu: seen.cpu / 100, memoryBytes: seen.memory, uptimeSeconds: seen.elapsed / 1_000 };
    });
    current = (await Promise.all(looked)).filter((usage) => usage !== undefined);
  }
  // A host that does not answer now is asked again next time.
  const stop = every(options.clock, lookMs, () => void look().catch(() => {}));
  return {
    get current() {
      return current;
    },
    close: stop,
  };
}
