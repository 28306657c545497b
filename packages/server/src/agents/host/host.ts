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

/** An agent, and who listens to it. */
interface Held {
  readonly agent: HostedProcess;
  link: Link | undefined;
  /** While nobody does. */
  aloneTimer: NodeJS.Timeout | undefined;
}

/** One connection of a server (or of the command line): at most one agent is attached to it. */
interface Link {
  readonly socket: Socket;
  attached: Held | undefined;
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
  const all = new Map<string, Held>();
  const links = new Set<Link>();
  const closed = Promise.withResolvers<void>();
  let idleTimer: NodeJS.Timeout | undefined;

  const tell = (link: Link, message: HostMessage) => void link.socket.write(encodeMessage(message));

  /** Sends what the connection can take; the rest when it has drained. */
  function pump(link: Link): void {
    if (link.attached === undefined) return;
    const { socket } = link;
    const { backlog, exit } = link.attached.agent;
    while (socket.writableLength < socketBytesMax) {
      const lines: { number: number; line: Buffer }[] = [];
      for (let bytes = 0; bytes < writeBytesMax; ) {
        const next = backlog.after(link.sent);
        if (next === undefined) break;
        link.sent = next.number;
        bytes += next.line.length;
        lines.push(next);
      }
      if (lines.length === 0) break;
      socket.write(encodeLines(lines));
    }
    if (exit === undefined || link.hasExit || backlog.after(link.sent) !== undefined) return;
    link.hasExit = true;
    tell(link, { type: "exit", ...exit });
  }
  function wake(held: Held): void {
    if (held.link !== undefined) pump(held.link);
    else watchAlone(held);
  }
  /** Nobody is attached: an agent that goes silent has nothing to do, or waits for a person who cannot be reached. */
  function watchAlone(held: Held): void {
    clearTimeout(held.aloneTimer);
    if (held.agent.exit !== undefined) return;
    held.aloneTimer = setTimeout(() => end(held), Math.min(held.agent.aloneMs, timerMsMax));
  }
  function end(held: Held): void {
    const { agent } = held;
    if (agent.exit !== undefined) return forget(held);
    agent.endInput();
    agent.signal("SIGTERM");
    setTimeout(() => agent.signal("SIGKILL"), killAfterMs).unref();
  }
  function forget(held: Held): void {
    all.delete(held.agent.agentId);
    clearTimeout(held.aloneTimer);
    held.agent.close();
    watchIdle();
  }
  function watchIdle(): void {
    clearTimeout(idleTimer);
    if (all.size === 0 && links.size === 0) idleTimer = setTimeout(() => void shut(), options.idleMs);
  }

  function attach(link: Link, held: Held): void {
    const before = held.link;
    // The newer one is the server; an older one is gone and does not know it yet.
    if (before !== undefined && before !== link) {
      before.attached = undefined;
      tell(before, { type: "replaced" });
      before.socket.end();
    }
    clearTimeout(held.aloneTimer);
    held.link = link;
    link.attached = held;
    link.sent = 0;
    link.hasExit = false;
    pump(link);
  }

  function spawn(link: Link, request: SpawnRequest): void {
    const twin = [...all.values()].find(({ agent }) => agent.key === request.key && agent.exit === undefined);
    if (twin !== undefined)
      return tell(link, { type: "error", message: `${request.key} has a running agent: ${twin.agent.agentId}` });
    const agent = startHostedProcess({
      request,
      backlogPath: join(options.directory, `${request.agentId}.backlog`),
      limits: options.limits,
      onStarted(problem) {
        if (problem === undefined) return tell(link, { type: "started", pid: agent.pid });
        link.attached = undefined;
        forget(held);
        tell(link, { type: "error", message: problem.message, code: problem.code });
      },
      onOutput: () => wake(held),
      onExit: () => wake(held),
    });
    const held: Held = { agent, link: undefined, aloneTimer: undefined };
    all.set(agent.agentId, held);
    attach(link, held);
  }

  function heed(link: Link, message: HostMessage): void {
    const attached = link.attached?.agent;
    switch (message.type) {
      case "list":
        return tell(link, { type: "agents", agents: [...all.values()].map(describe) });
      case "spawn":
        return spawn(link, message.request as SpawnRequest);
      case "attach": {
        const held = all.get(String(message.agentId));
        if (held === undefined) return tell(link, { type: "error", message: `no agent ${message.agentId}` });
        const { pid, note, backlog } = held.agent;
        tell(link, { type: "attached", pid, note, lastLine: backlog.last });
        return attach(link, held);
      }
      case "end": {
        const held = all.get(String(message.agentId));
        if (held) end(held);
        return tell(link, { type: "ending", found: held !== undefined });
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
        if (link.attached && attached?.exit !== undefined) forget(link.attached);
        return;
      default:
        return tell(link, { type: "error", message: `this host does not know ${message.type}`, code: "UNKNOWN" });
    }
  }
  function describe({ agent, link }: Held) {
    const { agentId, key, name, pid, startedAt, exit, backlog } = agent;
    return { agentId, key, name, pid, startedAt, exit, isAttached: link !== undefined, retainedBytes: backlog.bytes };
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
      const held = link.attached;
      if (held !== undefined) {
        held.link = undefined;
        // One that was forgotten is nobody's to watch.
        if (all.has(held.agent.agentId)) watchAlone(held);
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
    for (const held of [...all.values()]) {
      held.agent.signal("SIGKILL");
      forget(held);
    }
    for (const { socket } of links) socket.destroy();
    await closed.promise;
    clearTimeout(idleTimer);
  }
  return { closed: closed.promise, close: shut };
}
