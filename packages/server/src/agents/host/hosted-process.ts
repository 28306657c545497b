import { type ChildProcess, spawn } from "node:child_process";
import { type Backlog, createBacklog } from "./backlog.ts";
import { endMarked, markName, signal } from "./leftovers.ts";
import { createLineCutter } from "./lines.ts";

/** What starts a process. */
export interface SpawnRequest {
  /** Unique for ever. */
  agentId: string;
  /** Whose it is, in the server's terms; of two living ones with the same key the second is refused. */
  key: string;
  /** For people. */
  name: string;
  command: string;
  args: string[];
  workingDirectory: string;
  environment: Record<string, string>;
  /** What its children are found by when it is gone: `owner:agentId`. */
  mark: string;
  /** Silent for this long while nobody is attached, it is ended. */
  aloneMs: number;
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: string | null;
  /** Somebody had asked for it. */
  asked: boolean;
  stderr: string;
}

/** One agent's process: its input, its output until it is stored, its end. */
export interface HostedProcess {
  readonly agentId: string;
  readonly key: string;
  readonly name: string;
  readonly pid: number | undefined;
  readonly startedAt: number;
  readonly aloneMs: number;
  readonly backlog: Backlog;
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  /** What the server wants to know again when it attaches. */
  note: string;
  /** Whole lines. */
  input(text: string): void;
  /** It will get no more input: it ends when it is done. */
  endInput(): void;
  /** To it and everything in its process group. */
  signal(name: NodeJS.Signals): void;
  /** There may be room again. */
  resume(): void;
  close(): void;
}

const lineBytesMax = 64 * 1024 * 1024;
const stderrBytesMax = 4_096;

/**
 * Starts a process in a group of its own.
 * @param options.onOutput lines were added to the backlog
 * @param options.onExit it is gone, and all its output is in the backlog
 */
export function startHostedProcess(options: {
  request: SpawnRequest;
  backlogPath: string;
  limits: { memoryBytes: number; diskBytes: number };
  onStarted: (problem: NodeJS.ErrnoException | undefined) => void;
  onOutput: () => void;
  onExit: () => void;
}): HostedProcess {
  const { request } = options;
  const child: ChildProcess = spawn(request.command, request.args, {
    cwd: request.workingDirectory,
    env: { ...request.environment, [markName]: request.mark },
    stdio: ["pipe", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  const backlog = createBacklog({
    path: options.backlogPath,
    memoryBytesMax: options.limits.memoryBytes,
    diskBytesMax: options.limits.diskBytes,
  });
  let stderr = "";
  let asked = false;
  let exit: Exit | undefined;

  function add(line: Buffer): void {
    backlog.add(line);
    if (!backlog.hasRoom) child.stdout?.pause();
  }
  // What cannot be a line is told as one that is no JSON: its reader reports it like any other.
  const cutter = createLineCutter({
    lineBytesMax,
    onLine: add,
    onCut: (start) => add(Buffer.concat([Buffer.from("(cut) "), start, Buffer.from("\n")])),
  });
  child.stdout
    ?.on("data", (chunk: Buffer) => {
      cutter.write(chunk);
      options.onOutput();
    })
    .on("error", () => {});
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(-stderrBytesMax);
  });
  // A process that died leaves a broken pipe; its exit tells the story.
  child.stdin?.on("error", () => {});
  child.once("spawn", () => options.onStarted(undefined));
  child.once("error", (error) => options.onStarted(error));
  const kill = (name: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    if (process.platform === "win32") child.kill(name);
    else signal(-child.pid, name);
  };
  child.once("exit", (code, name) => {
    // What it started (shells) must not run on without anybody who sees it, nor hold its output open.
    kill("SIGKILL");
    const finish = () => {
      if (exit !== undefined) return;
      cutter.end();
      exit = { code, signal: name, asked, stderr: stderr.trim() };
      options.onExit();
    };
    void endMarked((mark) => mark === request.mark)
      .catch(() => {})
      .then(() => (child.stdout?.closed ? finish() : child.stdout?.once("close", finish)));
    child.stdout?.resume();
  });

  return {
    agentId: request.agentId,
    key: request.key,
    name: request.name,
    get pid() {
      return child.pid;
    },
    startedAt: Date.now(),
    aloneMs: request.aloneMs,
    backlog,
    get exit() {
      return exit;
    },
    note: "",
    input: (text) => void child.stdin?.write(text),
    endInput() {
      asked = true;
      child.stdin?.end();
    },
    signal(name) {
      asked = true;
      if (exit === undefined) kill(name);
    },
    resume() {
      if (backlog.hasRoom) child.stdout?.resume();
    },
    close: () => backlog.close(),
  };
}
