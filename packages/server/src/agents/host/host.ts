import { existsSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createFrameReader, encodeLines, encodeMessage, type HostMessage, hostProtocol } from "./frames.ts";
import { type HostedProcess, type SpawnRequest, startHostedProcess } from "./hosted-process.ts";

/** Owns agents' processes, so that they outlive the server. */
export interface AgentHost {
  /** Resolves when it has ended: told to, or it had nothing to do any more. */
  readonly closed: Promise<void>;
  /** Ends all agents, then itself. */
  close(): Promise<void>;
}

const socketBytesMax = 1024 * 1024;
const writeBytesMax = 64 * 1024;
const killAfterMs = 5_000;
const lookAroundMs = 10_000;
/** A longer one would fire at once. */
const timerMsMax = 2_147_483_647;

/** One connection of a server (or of the command line): at most one agent is attached to it. */
interface Link {
  readonly socket: Socket;
  attached: HostedProcess | undefined;
  /** The newest line that was sent. */
  sent: number;
  /** Its end was sent. */
  hasExit: boolean;
}

/**
 * Listens for servers. It carries bytes and keeps them; what they mean is the server's business.
 * @param options.socketPath a path that only the user can reach
 * @param options.directory for what does not fit into memory
 * @param options.idleMs without agents and connections for this long, it ends
 */
export async function openAgentHost(options: {
  socketPath: string;
  directory: string;
  version: string;
  idleMs: number;
  limits: { memoryBytes: number; diskBytes: number };
}): Promise<AgentHost> {
  const processes = new Map<string, HostedProcess>();
  const links = new Set<Link>();
  const aloneTimers = new Map<string, NodeJS.Timeout>();
  const closed = Promise.withResolvers<void>();
  let idleTimer: NodeJS.Timeout | undefined;

  const attachedTo = new Map<HostedProcess, Link>();
  const linkOf = (agent: HostedProcess) => attachedTo.get(agent);
  const tell = (link: Link, message: HostMessage) => void link.socket.write(encodeMessage(message));

  /** Sends what the connection can take; the rest when it has drained. */
  function pump(link: Link): void {
    const { attached, socket } = link;
    if (attached === undefined) return;
    while (socket.writableLength < socketBytesMax) {
      const lines: { number: number; line: Buffer }[] = [];
      for (let bytes = 0; bytes < writeBytesMax; ) {
        const next = attached.backlog.after(link.sent);
        if (next === undefined) break;
        link.sent = next.number;
        bytes += next.line.length;
        lines.push(next);
      }
      if (lines.length === 0) break;
      socket.write(encodeLines(lines));
    }
    const isAllSaid = attached.backlog.after(link.sent) === undefined;
    if (attached.exit === undefined || link.hasExit || !isAllSaid) return;
    link.hasExit = true;
    tell(link, { type: "exit", ...attached.exit });
  }
  function wake(agent: HostedProcess): void {
    const link = linkOf(agent);
    if (link !== undefined) return pump(link);
    watchAlone(agent);
  }
  /** Nobody is attached: an agent that goes silent has nothing to do, or waits for a person who cannot be reached. */
  function watchAlone(agent: HostedProcess): void {
    clearTimeout(aloneTimers.get(agent.agentId));
    if (agent.exit !== undefined) return;
    const timer = setTimeout(() => end(agent), Math.min(agent.aloneMs, timerMsMax));
    aloneTimers.set(agent.agentId, timer);
  }
  function end(agent: HostedProcess): void {
    if (agent.exit !== undefined) return forget(agent);
    agent.endInput();
    agent.signal("SIGTERM");
    setTimeout(() => agent.signal("SIGKILL"), killAfterMs).unref();
  }
  function forget(agent: HostedProcess): void {
    processes.delete(agent.agentId);
    attachedTo.delete(agent);
    clearTimeout(aloneTimers.get(agent.agentId));
    aloneTimers.delete(agent.agentId);
    agent.close();
    watchIdle();
  }
  function watchIdle(): void {
    clearTimeout(idleTimer);
    if (processes.size === 0 && links.size === 0) idleTimer = setTimeout(() => void shut(), options.idleMs);
  }

  function attach(link: Link, agent: HostedProcess): void {
    const before = linkOf(agent);
    // The newer one is the server; an older one is gone and does not know it yet.
    if (before !== undefined && before !== link) {
      before.attached = undefined;
      tell(before, { type: "replaced" });
      before.socket.end();
    }
    clearTimeout(aloneTimers.get(agent.agentId));
    link.attached = agent;
    link.sent = 0;
    link.hasExit = false;
    attachedTo.set(agent, link);
    pump(link);
  }

  function spawn(link: Link, request: SpawnRequest): void {
    const twin = [...processes.values()].find((agent) => agent.key === request.key && agent.exit === undefined);
    if (twin !== undefined)
      return tell(link, { type: "error", message: `${request.key} has a running agent: ${twin.agentId}` });
    const agent = startHostedProcess({
      request,
      backlogPath: join(options.directory, `${request.agentId}.backlog`),
      limits: options.limits,
      onStarted(problem) {
        if (problem === undefined) return tell(link, { type: "started", pid: agent.pid });
        link.attached = undefined;
        forget(agent);
        tell(link, { type: "error", message: problem.message, code: problem.code });
      },
      onOutput: () => wake(agent),
      onExit: () => wake(agent),
    });
    processes.set(agent.agentId, agent);
    attach(link, agent);
  }

  function heed(link: Link, message: HostMessage): void {
    const { attached } = link;
    switch (message.type) {
      case "list":
        return tell(link, { type: "agents", agents: [...processes.values()].map(describe) });
      case "spawn":
        return spawn(link, message.request as SpawnRequest);
      case "attach": {
        const agent = processes.get(String(message.agentId));
        if (agent === undefined) return tell(link, { type: "error", message: `no agent ${message.agentId}` });
        tell(link, { type: "attached", pid: agent.pid, note: agent.note, lastLine: agent.backlog.last });
        return attach(link, agent);
      }
      case "end": {
        const agent = processes.get(String(message.agentId));
        if (agent) end(agent);
        return tell(link, { type: "ending", found: agent !== undefined });
      }
      case "input":
        // One step: an answer that was passed on is never asked for again.
        attached?.input(String(message.text));
        return attached?.backlog.settle(message.settles as number[]);
      case "settle":
        return attached?.backlog.settle(message.lines as number[]);
      case "stored":
        if (attached === undefined) return;
        attached.note = String(message.note);
        attached.backlog.stored(Number(message.line), message.keep as number[]);
        return attached.resume();
      case "endInput":
        return attached?.endInput();
      case "signal":
        return attached?.signal(message.signal as NodeJS.Signals);
      case "collect":
        if (attached?.exit !== undefined) forget(attached);
        return;
      default:
        return tell(link, { type: "error", message: `this host does not know ${message.type}`, code: "UNKNOWN" });
    }
  }
  function describe(agent: HostedProcess) {
    const { agentId, key, name, pid, startedAt, exit, backlog } = agent;
    const isAttached = linkOf(agent) !== undefined;
    return { agentId, key, name, pid, startedAt, exit, isAttached, retainedBytes: backlog.bytes };
  }

  const server = createServer((socket) => {
    const link: Link = { socket, attached: undefined, sent: 0, hasExit: false };
    links.add(link);
    watchIdle();
    tell(link, { type: "hello", protocol: hostProtocol, version: options.version, pid: process.pid });
    const read = createFrameReader((frame) => {
      if (frame.kind === "message") heed(link, frame.message);
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on("drain", () => pump(link));
    // A server that was killed is an ordinary end.
    socket.on("error", () => {});
    socket.on("close", () => {
      links.delete(link);
      const { attached } = link;
      link.attached = undefined;
      if (attached !== undefined && attachedTo.get(attached) === link) {
        attachedTo.delete(attached);
        watchAlone(attached);
      }
      watchIdle();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.socketPath, resolve);
  });
  watchIdle();
  // Without its socket (the data directory was removed) nobody can ever come again.
  const lookAround = setInterval(() => {
    if (links.size === 0 && process.platform !== "win32" && !existsSync(options.socketPath)) void shut();
  }, lookAroundMs);

  async function shut(): Promise<void> {
    clearTimeout(idleTimer);
    clearInterval(lookAround);
    server.close(() => closed.resolve());
    for (const agent of processes.values()) agent.signal("SIGKILL");
    for (const agent of [...processes.values()]) forget(agent);
    for (const { socket } of links) socket.destroy();
    await closed.promise;
    clearTimeout(idleTimer);
  }
  return { closed: closed.promise, close: shut };
}
