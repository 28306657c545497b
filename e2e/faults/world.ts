import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitOf, lineOf } from "../kit/lines.ts";
import { commandLine, type Place } from "../kit/server.ts";

/** The server as its supervisor sees it: killed, held, starved, and started again. */
export interface World {
  readonly url: string;
  /** True while the server is meant to answer. */
  readonly serverRuns: boolean;
  /** How often it was started. */
  readonly starts: number;
  start(): Promise<void>;
  /** Kills the server without warning and waits until it is gone. */
  kill(): Promise<void>;
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
  /** What servers wrote to standard error. */
  readonly errors: string;
}

/** @param options.environment for the server, beside the place's */
export async function makeWorld(options: { place: Place; environment?: Record<string, string> }): Promise<World> {
  const { place } = options;
  const port = await freePort();
  const environment = { ...place.environment, ...options.environment, PORT: String(port) };
  let server: ChildProcess | undefined;
  let runs = false;
  let starts = 0;
  let errors = "";

  function launch(): ChildProcess {
    const child = spawn(process.execPath, [...commandLine, "start"], {
      cwd: place.directory,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return child;
  }
  const dataDirectory = join(place.directory, "data");
  const pidOf = () => {
    if (server?.pid === undefined) throw new Error("no server runs");
    return server.pid;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    get serverRuns() {
      return runs;
    },
    get starts() {
      return starts;
    },
    get errors() {
      return errors;
    },
    get serverPid() {
      return pidOf();
    },
    async start() {
      const child = launch();
      server = child;
      starts += 1;
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        errors = (errors + text).slice(-20_000);
      });
      await lineOf(child, /(http:\/\/[^/ ]+)/);
      runs = true;
    },
    async kill() {
      runs = false;
      const child = server;
      child?.kill("SIGKILL");
      if (child) await exitOf(child);
    },
    async stop() {
      runs = false;
      server?.kill("SIGTERM");
      return server ? exitOf(server) : null;
    },
    async startSecond() {
      const child = launch();
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
      const patience = setTimeout(() => child.kill("SIGKILL"), 20_000);
      const code = await exitOf(child);
      clearTimeout(patience);
      return { code, errors: said };
    },
    async hold(pid, ms) {
      const ours = pid === server?.pid;
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
      const child = spawn(process.execPath, [...commandLine, "agents", "--end", "all"], { env: environment });
      await exitOf(child);
    },
    async failWrites(ms) {
      const pid = pidOf();
      // No file may grow beyond its first byte: what the disk answers when it takes no more.
      limitFiles(pid, "1");
      await sleep(ms);
      limitFiles(pid, "unlimited");
    },
  };
}

function limitFiles(pid: number, bytes: string): void {
  const { status, stderr } = spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:unlimited`], { encoding: "utf8" });
  // A server that is gone meanwhile writes nothing either.
  if (status !== 0 && tell(pid, 0)) throw new Error(`prlimit: ${stderr}`);
}

/** @returns whether the process was there */
function tell(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
