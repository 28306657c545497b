import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { chmod, mkdir, readFile, rm, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { type Channel, connectChannel } from "./channel.ts";
import type { HostMessage } from "./frames.ts";
import type { Exit, SpawnRequest } from "./hosted-process.ts";
import { endMarked, signal } from "./leftovers.ts";
import { socketFolderOf, socketPathOf, socketPathsIn } from "./socket-path.ts";

/** An agent that a host holds: running, or ended with words that nobody has collected. */
export interface HeldAgent {
  agentId: string;
  key: string;
  name: string;
  pid: number;
  /** Milliseconds since 1970. */
  startedAt: number;
  exit: Exit | undefined;
  isAttached: boolean;
  retainedBytes: number;
  socketPath: string;
}

/** What an attached agent says. */
export interface AgentListener {
  /** A whole line of its output, in order; those that no server stored come again. */
  onLine(number: number, line: Buffer): void;
  /** After lines that came together. */
  onPause?(): void;
  /** It has ended, and this was all it said. Undefined: its host died, and it with it. */
  onExit(exit: Exit | undefined): void;
}

/** An agent in the host, attached. */
export interface AgentLink {
  readonly agentId: string;
  readonly pid: number;
  /** What the server gave with its last `stored`. */
  readonly note: string;
  /** Lines up to here were said before we came. */
  readonly lastLine: number;
  /** Lines come from now on. Idempotent. */
  flow(): void;
  /** Whole lines for its input, and the lines of its output that this answers: they never come again. */
  input(text: string, settles: readonly number[]): void;
  /** These lines are done with. */
  settle(lines: readonly number[]): void;
  /** Everything up to `line` is safely stored, except `keep`. */
  stored(line: number, keep: readonly number[], note: string): void;
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  /** Its end was stored: the host forgets it. Ends the link. */
  collect(): void;
  pause(): void;
  resume(): void;
  /** Lets go of it; it goes on. */
  detach(): void;
}

/** The server's side of agent hosts: normally one a data directory, and an older one beside it after an upgrade. */
export interface AgentHosts {
  /** What there is. Hosts that do not answer are ended, and their agents with them. */
  list(): Promise<HeldAgent[]>;
  /** Makes sure that a host runs, and keeps it. */
  ready(): Promise<void>;
  /** @throws Error with the system's `code` when the program cannot be started */
  start(request: Omit<SpawnRequest, "agentId" | "mark">, listener: AgentListener): Promise<AgentLink>;
  /** @throws Error when there is no such agent (any more) */
  attach(agent: HeldAgent, listener: AgentListener): Promise<AgentLink>;
  /** Ends an agent and all that it started. */
  end(agent: HeldAgent): Promise<void>;
  /** Ends processes of this owner that are not among those that hosts hold: what a host that was killed left behind. */
  endOrphans(held: readonly HeldAgent[]): Promise<void>;
  /** Lets go of all agents and hosts; they go on. */
  close(): void;
}

const startMs = 10_000;

/**
 * @param options.directory where sockets and what does not fit into memory are; only the user may enter
 * @param options.owner names the data directory in the marks of processes
 * @param options.environment for the host itself, not for agents
 */
export function createAgentHosts(options: {
  directory: string;
  owner: string;
  version: string;
  environment: Readonly<Record<string, string | undefined>>;
}): AgentHosts {
  const { directory } = options;
  const open = new Set<Socket>();
  let keeper: { socketPath: string; channel: Channel } | undefined;
  let readying: Promise<string> | undefined;
  let closed = false;
  const markOf = (agentId: string) => `${options.owner}:${agentId}`;

  async function socketFolder(): Promise<string> {
    const folder = socketFolderOf(directory);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await stat(folder);
    if (process.platform !== "win32" && found.uid !== process.getuid?.())
      throw new Error(`${folder} belongs to somebody else`);
    await chmod(folder, 0o700);
    return folder;
  }
  async function openChannel(socketPath: string): Promise<Channel> {
    const channel = await connectChannel(socketPath);
    open.add(channel.socket);
    channel.socket.once("close", () => open.delete(channel.socket));
    if (closed) channel.socket.destroy();
    return channel;
  }

  /** Starts a host and waits until it listens. @returns its socket */
  async function startHost(): Promise<string> {
    const folder = await socketFolder();
    const extension = import.meta.filename.endsWith(".ts") ? "ts" : "js";
    const file = join(import.meta.dirname, `main.${extension}`);
    const log = openSync(join(directory, "host.log"), "a", 0o600);
    const child = spawn(process.execPath, [file, folder, directory, options.version, String(idleMs)], {
      cwd: directory,
      env: { PATH: options.environment.PATH, HOME: options.environment.HOME, TMPDIR: options.environment.TMPDIR },
      stdio: ["ignore", log, log],
      detached: true,
      windowsHide: true,
    });
    closeSync(log);
    child.unref();
    let ended: string | undefined;
    child.once("error", (error) => (ended = error.message));
    child.once("exit", (code, name) => (ended = `it ended with ${code ?? name}`));
    const socketPath = socketPathOf(folder, String(child.pid));
    const deadline = performance.now() + startMs;
    for (;;) {
      const channel = await openChannel(socketPath).catch(() => undefined);
      if (channel !== undefined) {
        keep(socketPath, channel);
        return socketPath;
      }
      if (ended !== undefined || performance.now() > deadline)
        throw new Error(
          `The agent host cannot be started: ${ended ?? "it does not answer"}. See ${directory}/host.log.`,
        );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  /** An open connection keeps a host alive, and shows when it dies. */
  function keep(socketPath: string, channel: Channel): void {
    keeper = { socketPath, channel };
    channel.socket.unref();
    channel.socket.once("close", () => {
      if (keeper?.channel === channel) keeper = undefined;
    });
    if (closed) channel.socket.destroy();
  }
  /** The host for new agents: one of this very version, kept. */
  function hostForNew(): Promise<string> {
    if (keeper !== undefined) return Promise.resolve(keeper.socketPath);
    readying ??= (async () => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const { socketPath } of await socketPathsIn(socketFolderOf(directory))) {
        const channel = await openChannel(socketPath).catch(() => undefined);
        if (channel === undefined) continue;
        if (channel.hello.version === options.version) {
          keep(socketPath, channel);
          return socketPath;
        }
        // Left with the agents that it has; it ends when they have.
        channel.socket.destroy();
      }
      return startHost();
    })().finally(() => {
      readying = undefined;
    });
    return readying;
  }

  /** Asks for an agent, and stays with it. */
  async function meet(
    socketPath: string,
    agentId: string,
    request: HostMessage,
    listener: AgentListener,
  ): Promise<AgentLink> {
    const channel = await openChannel(socketPath);
    const { socket } = channel;
    const answer = await channel.ask(request, "started", "attached").catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    const pid = Number(answer.pid);
    let isOurs = true;
    channel.onLine = listener.onLine;
    channel.onPause = () => listener.onPause?.();
    channel.onMessage = (message) => {
      if (message.type === "replaced") isOurs = false;
      if (message.type !== "exit") return;
      isOurs = false;
      listener.onExit(message as unknown as Exit);
    };
    socket.once("close", () => {
      if (!isOurs || closed) return;
      // Its host died. Nobody reads it any more and nobody could end it later: it must not go on in secret.
      if (process.platform !== "win32") signal(-pid, "SIGKILL");
      void endMarked((mark) => mark === markOf(agentId))
        .catch(() => {})
        .then(() => listener.onExit(undefined));
    });
    return {
      agentId,
      pid,
      note: String(answer.note ?? ""),
      lastLine: Number(answer.lastLine ?? 0),
      flow: channel.flow,
      input: (text, settles) => channel.send({ type: "input", text, settles }),
      settle: (lines) => channel.send({ type: "settle", lines }),
      stored: (line, keepLines, note) => channel.send({ type: "stored", line, keep: keepLines, note }),
      endInput: () => channel.send({ type: "endInput" }),
      signal: (name) => channel.send({ type: "signal", signal: name }),
      collect() {
        channel.send({ type: "collect" });
        socket.end();
      },
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      detach() {
        isOurs = false;
        // What was written reaches the host before the end does.
        socket.end();
        socket.resume();
      },
    };
  }
  return {
    async list() {
      const held: HeldAgent[] = [];
      for (const { socketPath, pid } of await socketPathsIn(socketFolderOf(directory))) {
        try {
          const channel = await openChannel(socketPath);
          const { agents } = await channel.ask({ type: "list" }, "agents");
          for (const agent of agents as Omit<HeldAgent, "socketPath">[]) held.push({ ...agent, socketPath });
          channel.socket.destroy();
        } catch (error) {
          const code = error instanceof Error && "code" in error ? error.code : undefined;
          if (code === "NEWER") throw error;
          // Nobody listens there any more: a host that was killed. Or it hangs: then its agents cannot be reached.
          if (code !== "ECONNREFUSED" && code !== "ENOENT" && (await isHost(pid, directory))) signal(pid, "SIGKILL");
          await rm(socketPath, { force: true });
        }
      }
      return held;
    },
    async ready() {
      await hostForNew();
    },
    async start(request, listener) {
      const agentId = randomUUID();
      const full: SpawnRequest = { ...request, agentId, mark: markOf(agentId) };
      return meet(await hostForNew(), agentId, { type: "spawn", request: full }, listener);
    },
    attach: ({ socketPath, agentId }, listener) => meet(socketPath, agentId, { type: "attach", agentId }, listener),
    async end(agent) {
      const channel = await openChannel(agent.socketPath);
      await channel.ask({ type: "end", agentId: agent.agentId }, "ending");
      channel.socket.destroy();
    },
    async endOrphans(held) {
      const marks = new Set(held.map(({ agentId }) => markOf(agentId)));
      await endMarked((mark) => mark.startsWith(`${options.owner}:`) && !marks.has(mark));
    },
    close() {
      closed = true;
      for (const socket of open) socket.destroySoon();
    },
  };
}

/** A host without agents and without a server ends after this. */
const idleMs = 5_000;

/** Numbers of processes are used again: one that is no host of ours is left alone. */
async function isHost(pid: number, directory: string): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.split("\0").includes(directory);
}
