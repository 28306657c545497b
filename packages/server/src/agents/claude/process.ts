import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import type { SpawnedProcess } from "@anthropic-ai/claude-agent-sdk";
import type { AgentLink, AgentListener, Exit } from "../host/index.ts";

/** The CLI in the agent host, as the SDK wants a process, with a guard between its output and the SDK. */
export interface ClaudeProcess extends SpawnedProcess {
  readonly agentId: string | undefined;
  /** Everything up to this line of its output is stored; `note` is what it takes to go on from there. */
  stored(line: number, note: string): void;
  /** From now on the SDK may end it; before, only we do. */
  release(): void;
  /** Ends it and what runs in its process group. */
  killGroup(signal: NodeJS.Signals): void;
  /** Lets go of it; it goes on. */
  detach(): void;
  /** Its end was stored. */
  collect(): void;
  /** It has ended, or we let go of it. */
  readonly isGone: boolean;
  /** False: it could not be started, or attached to. */
  readonly wasConnected: boolean;
  /** Resolves when it is gone; undefined: its host died, or there was none. */
  readonly exited: Promise<Exit | undefined>;
}

/** Lines of ours among those of the CLI, so that what they say keeps its place among them. */
export interface StandingLine {
  type: "system";
  subtype: "companion_standing";
  state: string | undefined;
  permissions: string[];
}

const controlStart = Buffer.from('{"type":"control_');
/** Set on every message of the CLI: the number of its line. */
export const lineField = "companion_line";

/**
 * Connects the CLI with the SDK.
 * @param options.connect starts it in the host, or attaches to the one that is there
 * @param options.onConnected before its first line comes
 * @param options.onUnreadable called with the beginning of each line that was dropped because it is no JSON object
 */
export function hostClaude(options: {
  connect: (listener: AgentListener) => Promise<AgentLink>;
  onConnected: (link: AgentLink) => void;
  onUnreadable: (line: number, start: string) => void;
}): ClaudeProcess {
  const events = new EventEmitter();
  const exited = Promise.withResolvers<Exit | undefined>();
  /** Requests of the CLI that are not answered yet: the lines that they came in. A host that dies with them is no loss: they die, too. */
  const requests = new Map<string, number[]>();
  let link: AgentLink | undefined;
  const early: string[] = [];
  let exit: Exit | undefined;
  let isGone = false;
  let isReleased = false;
  let isDetached = false;
  let acknowledged: { line: number; note: string } | undefined;

  const stdout = new Readable({ read: () => link?.resume() });
  /** Lines that came together go to the SDK together. */
  let lines: Buffer[] = [];
  function flush(): void {
    if (lines.length === 0) return;
    const together = Buffer.concat(lines);
    lines = [];
    if (!stdout.push(together)) link?.pause();
  }
  function onLine(number: number, line: Buffer): void {
    if (line[0] !== 123) {
      if (line.length > 1) options.onUnreadable(number, line.subarray(0, 200).toString("utf8"));
      return;
    }
    const control = line.subarray(0, controlStart.length).equals(controlStart) ? controlOf(line) : undefined;
    if (control?.type === "control_request")
      requests.set(control.request_id, [...(requests.get(control.request_id) ?? []), number]);
    if (control?.type === "control_cancel_request") {
      link?.settle(requests.get(control.request_id) ?? []);
      requests.delete(control.request_id);
    }
    // Answers that an earlier server waited for.
    if (control?.type === "control_response" && number <= (link?.lastLine ?? 0)) return;
    lines.push(line.subarray(0, -2), Buffer.from(`,"${lineField}":${number}}\n`));
    const standing = control && standingOf(control);
    if (standing !== undefined) lines.push(Buffer.from(`${JSON.stringify(standing)}\n`));
  }
  function onExit(how: Exit | undefined): void {
    flush();
    exit = how;
    isGone = true;
    exited.resolve(how);
    // Everything that it said comes first, or the SDK would drop it.
    const tell = () => events.emit("exit", how?.code ?? null, how?.signal ?? (how === undefined ? "SIGKILL" : null));
    if (stdout.destroyed) return void tell();
    stdout.once("close", tell);
    stdout.push(null);
  }

  let partial = "";
  const stdin = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      // Whole lines only: half of one would spoil the next server's first.
      const text = partial + String(chunk);
      const end = text.lastIndexOf("\n") + 1;
      partial = text.slice(end);
      for (const line of text.slice(0, end).split("\n")) if (line !== "") send(`${line}\n`);
      done();
    },
    final(done) {
      if (isReleased && !isDetached) link?.endInput();
      done();
    },
  });
  function send(line: string): void {
    if (link === undefined) return void early.push(line);
    // Only now: the SDK knows what to do with requests of the CLI once it has greeted it.
    link.flow();
    if (isDetached) return;
    const answer = line.startsWith('{"type":"control_response"') ? controlOf(line) : undefined;
    const settles = answer && requests.get(answer.response?.request_id ?? "");
    if (answer) requests.delete(answer.response?.request_id ?? "");
    link.input(line, settles ?? []);
  }
  const connected = options.connect({ onLine, onPause: flush, onExit }).then(
    (found) => {
      link = found;
      if (isDetached) return link.detach();
      options.onConnected(link);
      for (const line of early.splice(0)) send(line);
      if (stdin.writableFinished && isReleased) link.endInput();
    },
    (error: unknown) => {
      isGone = true;
      exited.resolve(undefined);
      events.emit("error", error instanceof Error ? Object.assign(error, { syscall: "spawn" }) : error);
    },
  );
  function acknowledge(): void {
    if (acknowledged === undefined || link === undefined || isDetached) return;
    const { line, note } = acknowledged;
    acknowledged = undefined;
    const keep = [...requests.values()].flat().filter((number) => number <= line);
    link.stored(line, keep, note);
  }

  return {
    stdin,
    stdout,
    get killed() {
      return isGone && exit?.signal !== null;
    },
    get exitCode() {
      return isGone ? (exit?.code ?? null) : null;
    },
    get signalCode() {
      return (exit?.signal ?? null) as NodeJS.Signals | null;
    },
    // The SDK ends its processes when ours ends, also when that is a crash: not this one.
    kill(signal) {
      if (isReleased && !isDetached) link?.signal(signal);
      return true;
    },
    on: (event: "exit" | "error", listener: never) => void events.on(event, listener),
    once: (event: "exit" | "error", listener: never) => void events.once(event, listener),
    off: (event: "exit" | "error", listener: never) => void events.off(event, listener),
    stored(line, note) {
      if (acknowledged === undefined) setImmediate(acknowledge);
      acknowledged = { line, note };
    },
    release() {
      isReleased = true;
    },
    killGroup(signal) {
      if (isDetached || isGone) return;
      void connected.then(() => link?.signal(signal));
    },
    detach() {
      acknowledge();
      isDetached = true;
      link?.detach();
      stdout.push(null);
      events.emit("exit", 0, null);
    },
    collect: () => link?.collect(),
    get agentId() {
      return link?.agentId;
    },
    get isGone() {
      return isGone || isDetached;
    },
    get wasConnected() {
      return link !== undefined;
    },
    exited: exited.promise,
  };
}

type Control = {
  type: string;
  request_id: string;
  response?: { request_id?: string; pending_permission_requests?: { request_id: string }[]; response?: unknown };
};

/** A line that carries no conversation, but talk between CLI and SDK. */
function controlOf(line: Buffer | string): Control | undefined {
  try {
    const value: unknown = JSON.parse(String(line));
    const isControl =
      typeof value === "object" &&
      value !== null &&
      "type" in value &&
      typeof value.type === "string" &&
      value.type.startsWith("control_");
    return isControl ? (value as Control) : undefined;
  } catch {
    return undefined;
  }
}

/** The answer to `initialize` tells where the CLI stands; the SDK keeps that to itself. */
function standingOf({ response }: Control): StandingLine | undefined {
  const pending = response?.pending_permission_requests;
  if (pending === undefined) return undefined;
  const inner = response?.response;
  const hasState = typeof inner === "object" && inner !== null && "session_state" in inner;
  return {
    type: "system",
    subtype: "companion_standing",
    state: hasState ? String(inner.session_state) : undefined,
    permissions: pending.map(({ request_id }) => request_id),
  };
}
