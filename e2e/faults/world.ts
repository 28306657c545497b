import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { exitOf } from "../kit/lines.ts";
import { freePort } from "../kit/listen.ts";
import { limitFiles } from "../kit/processes.ts";
import { type Place, runCommand, type Server, startServer } from "../kit/server.ts";

/** The server as its supervisor sees it: killed, held, starved, and started again. */
export interface World {
  readonly url: string;
  /** True while the server is meant to answer. */
  readonly serverRuns: boolean;
  /** How often it was started. */
  readonly starts: number;
  start(): Promise<void>;
  /** Kills the server without warning and waits until it is gone. */
  kill(): Promise<number | string | null>;
  /** Tells the server to stop; the exit code must be 0. */
  stop(): Promise<number | string | null>;
  /** A second server on the same data. @returns what it said before it ended */
  startSecond(): Promise<{ code: number | string | null; errors: string }>;
  /** SIGSTOP for a while. */
  hold(pid: number, ms: number): Promise<void>;
  readonly serverPid: number;
  hostPids(): Promise<number[]>;
  agentPids(): Promise<number[]>;
  /** Every write of the server to a file fails for a while. */
  failWrites(ms: number): Promise<void>;
  /** Ends agents that go on without a server. */
  endAgents(): Promise<void>;
}

/** @param options.environment for the server, beside the place's */
export async function makeWorld(options: { place: Place; environment?: Record<string, string> }): Promise<World> {
  const { place } = options;
  const port = await freePort();
  const environment = { ...options.environment, PORT: String(port) };
  let server: Server | undefined;
  let runs = false;
  let starts = 0;
  const dataDirectory = join(place.directory, "data");
  const pidOf = () => {
    if (server?.process.pid === undefined) throw new Error("no server runs");
    return server.process.pid;
  };
  async function end(signal: NodeJS.Signals) {
    runs = false;
    return server === undefined ? null : server.stop(signal);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    get serverRuns() {
      return runs;
    },
    get starts() {
      return starts;
    },
    get serverPid() {
      return pidOf();
    },
    async start() {
      starts += 1;
      server = await startServer(place, environment);
      runs = true;
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    async startSecond() {
      const child = runCommand(place, ["start"], environment);
      if (child.stderr === null) throw new Error("no pipe");
      const patience = setTimeout(() => child.kill("SIGKILL"), 20_000);
      const [errors, code] = await Promise.all([text(child.stderr), exitOf(child)]);
      clearTimeout(patience);
      return { code, errors };
    },
    async hold(pid, ms) {
      const ours = pid === server?.process.pid;
      if (ours) runs = false;
      if (!tell(pid, "SIGSTOP")) return;
      await sleep(ms);
      tell(pid, "SIGCONT");
      if (ours) runs = true;
    },
    async hostPids() {
      const names = await readdir(join(dataDirectory, "agents", "hosts")).catch(() => []);
      return names.map((name) => Number(name.split(".")[0])).filter((pid) => tell(pid, 0));
    },
    async agentPids() {
      const pids: number[] = [];
      for (const name of await readdir("/proc")) {
        if (!/^\d+$/.test(name)) continue;
        const [line, variables] = await Promise.all(
          ["cmdline", "environ"].map((file) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "")),
        );
        const isClaude = /claude$/.test(line?.split("\0")[0] ?? "");
        if (isClaude && variables?.includes(place.directory) && variables.includes("COMPANION_AGENT="))
          pids.push(Number(name));
      }
      return pids;
    },
    async endAgents() {
      await exitOf(runCommand(place, ["agents", "--end", "all"], environment));
    },
    async failWrites(ms) {
      const pid = pidOf();
      // A server that is gone meanwhile writes nothing either.
      if (!limitFiles(pid, "1") && tell(pid, 0)) throw new Error("its files cannot be limited: is prlimit there?");
      await sleep(ms);
      limitFiles(pid, "unlimited");
    },
  };
}

/** @returns whether the process was there */
function tell(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
