import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Findings } from "./findings.ts";
import type { Random } from "./random.ts";

/** A frame of the server; what is not named here is compared as it is. */
export interface Frame {
  type: string;
  requestId?: string;
  sessionId?: string;
  seq?: number;
  timestamp?: string;
  queued?: unknown;
  data: FrameData;
}

/** The fields that a device looks at; everything else is compared as it is. */
export interface FrameData {
  messageId?: string;
  blockIndex?: number;
  content?: unknown;
  state?: string;
  result?: string;
  partial?: boolean;
  permissionId?: string;
  toolUseId?: string;
  offset?: number;
  text?: string;
  kind?: string;
  epoch?: string;
  seq?: number;
  code?: string;
  retryable?: boolean;
  pendingPermissions?: FrameData[];
}

/** What a device knows of a session. */
export interface Known {
  /** Stored events: the first has seq 1. */
  readonly frames: Frame[];
  /** What the device has acknowledged; an app that is closed may forget what comes after it. */
  acked: number;
  epoch: string | undefined;
  /** Text of blocks as it was streamed, by message and index. */
  readonly blocks: Map<string, string>;
}

/**
 * A device without any of the client library's patience: it looks at every frame, and what is not as promised is a
 * finding. It drops, stalls, forgets and acknowledges at random.
 */
export interface Device {
  readonly name: string;
  readonly known: ReadonlyMap<string, Known>;
  readonly isConnected: boolean;
  /** Sends a command and waits for its answer; undefined: the connection broke before there was one. */
  ask(type: string, data: object): Promise<Frame | undefined>;
  /** Behaves until it is told to stop, then is a good device. */
  settle(): void;
  close(): Promise<void>;
}

export function createDevice(options: {
  name: string;
  url: string;
  token: string;
  sessions: readonly string[];
  random: Random;
  findings: Findings;
  /** False: the server is away on purpose, or held; then an answer may take long. */
  serverRuns: () => boolean;
  /** An answer that takes longer is a finding. */
  answerMs: number;
  onFrame: (frame: Frame) => void;
}): Device {
  const { name, random, findings, sessions, answerMs } = options;
  const deviceId = randomUUID();
  const known = new Map<string, Known>(
    sessions.map((sessionId) => [sessionId, { frames: [], acked: 0, epoch: undefined, blocks: new Map() }]),
  );
  let ws: WebSocket | undefined;
  let connected = false;
  let closed = false;
  let settled = false;
  let requests = 0;
  let waiting = new Map<string, (frame: Frame | undefined) => void>();

  function connect(): Promise<void> {
    const window = random.pick(["", "&window=16384"]);
    const socket = new WebSocket(
      `${options.url.replace("http", "ws")}/ws?token=${options.token}&deviceId=${deviceId}&deviceName=${name}${window}`,
      { perMessageDeflate: false, handshakeTimeout: 5_000 },
    );
    ws = socket;
    return new Promise((resolve) => {
      socket.on("message", (raw) => take(socket, JSON.parse(String(raw))));
      socket.on("error", () => {});
      socket.on("close", () => {
        connected = false;
        const unanswered = waiting;
        waiting = new Map();
        for (const answer of unanswered.values()) answer(undefined);
        resolve();
      });
    });
  }
  function send(type: string, data: object): string {
    const requestId = `${name}-${++requests}`;
    if (ws?.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ type, requestId, data }));
    return requestId;
  }
  function ask(type: string, data: object): Promise<Frame | undefined> {
    if (!connected) return Promise.resolve(undefined);
    const asked = ws;
    const requestId = send(type, data);
    return new Promise((resolve) => {
      let patience: NodeJS.Timeout;
      const wait = () => {
        patience = setTimeout(() => {
          if (!options.serverRuns()) return wait();
          findings.add("unanswered", `${name} got no answer to ${type} in ${answerMs / 1_000} s`);
          waiting.delete(requestId);
          asked?.terminate();
          resolve(undefined);
        }, answerMs);
      };
      wait();
      waiting.set(requestId, (frame) => {
        clearTimeout(patience);
        resolve(frame);
      });
    });
  }

  function take(from: WebSocket, frame: Frame): void {
    if (from !== ws || closed) return;
    if (frame.requestId !== undefined) {
      const answer = waiting.get(frame.requestId);
      waiting.delete(frame.requestId);
      return answer?.(frame);
    }
    if (frame.type === "welcome") {
      connected = true;
      for (const sessionId of sessions) void subscribe(sessionId);
      return;
    }
    if (frame.sessionId === undefined && frame.data.code === "STORAGE_FAILED")
      return findings.count("told that the disk refuses");
    const session = known.get(frame.sessionId ?? "");
    if (session === undefined) return findings.add("wrong", `${name} got ${JSON.stringify(frame).slice(0, 200)}`);
    if (frame.type === "gap") return findings.add("lost", `${name}: a gap, ${JSON.stringify(frame.data)}`);
    if (frame.type === "streamData") takeText(session, frame);
    else takeStored(session, frame);
    options.onFrame(frame);
  }
  async function subscribe(sessionId: string): Promise<void> {
    const session = known.get(sessionId);
    if (session === undefined) return;
    // An app that was killed goes on from what it had stored.
    if (!settled && random.chance(0.2)) session.frames.length = session.acked;
    session.blocks.clear();
    const answer = await ask("subscribe", { sessionId, after: session.frames.length, epoch: session.epoch });
    if (answer === undefined) return;
    if (answer.type === "error") return findings.add("wrong", `${name}: subscribe: ${JSON.stringify(answer.data)}`);
    session.epoch = answer.data.epoch;
    for (const data of answer.data.pendingPermissions ?? [])
      options.onFrame({ type: "permissionRequest", sessionId, data });
  }
  function takeStored(session: Known, frame: Frame): void {
    findings.count("deliveries");
    const { queued: _queued, ...stored } = frame;
    const seq = frame.seq ?? 0;
    const expected = session.frames.length + 1;
    if (seq < expected) findings.add("twice", `${name}: ${seq} came although ${expected - 1} were there`);
    if (seq > expected) {
      findings.add("lost", `${name}: ${seq} came after ${expected - 1}`);
      ws?.terminate();
    }
    if (seq !== expected) return;
    session.frames.push(stored);
    if (stored.type === "assistantMessage") {
      const key = blockKey(stored.data);
      const streamed = session.blocks.get(key) ?? "";
      const text = textOf(stored.data);
      if (text !== undefined && !text.startsWith(streamed))
        findings.add("wrong", `${name}: streamed ${JSON.stringify(streamed)}, stored ${JSON.stringify(text)}`);
      session.blocks.delete(key);
    }
    if (settled || random.chance(0.3)) acknowledge(stored.sessionId ?? "", session);
  }
  function acknowledge(sessionId: string, session: Known): void {
    session.acked = session.frames.length;
    void ask("acknowledge", { sessionId, seq: session.acked });
  }
  function takeText(session: Known, frame: Frame): void {
    findings.count("pieces of text");
    const { offset = 0, text = "", kind } = frame.data;
    const key = blockKey(frame.data);
    const have = session.blocks.get(key) ?? "";
    if (offset > have.length) findings.add("lost", `${name}: text at ${offset} of ${key}, ${have.length} were there`);
    const overlap = have.slice(offset, offset + text.length);
    if (!text.startsWith(overlap)) findings.add("wrong", `${name}: text of ${key} changed at ${offset}`);
    const isStored = session.frames.some(
      ({ type, data }) => (type === "assistantMessage" || type === "toolUse") && blockKey(data) === key,
    );
    if (isStored) findings.add("outOfOrder", `${name}: ${kind} of ${key} after the message that replaces it`);
    session.blocks.set(key, have.slice(0, offset) + text);
  }

  /** Connects again and again. */
  async function live(): Promise<void> {
    while (!closed) {
      await connect();
      if (!closed) await sleep(settled ? 20 : random.between(0, 200));
    }
  }
  async function misbehave(): Promise<void> {
    while (!closed && !settled) {
      await sleep(random.between(200, 2_500));
      if (!connected || settled) continue;
      const whim = random.next();
      if (whim < 0.4) {
        findings.count("drops");
        ws?.terminate();
      } else if (whim < 0.7) {
        findings.count("stalls");
        const stalled = ws;
        stalled?.pause();
        await sleep(random.between(100, 2_000));
        stalled?.resume();
      } else if (whim < 0.8) ws?.close(1000);
      else for (const [sessionId, session] of known) acknowledge(sessionId, session);
    }
  }
  const lives = [live(), misbehave()];

  return {
    name,
    known,
    get isConnected() {
      return connected;
    },
    ask,
    settle() {
      settled = true;
    },
    async close() {
      closed = true;
      ws?.terminate();
      await Promise.all(lives);
    },
  };
}

const blockKey = ({ messageId, blockIndex }: FrameData): string => `${messageId}/${blockIndex}`;

/** What a stored message says; undefined: no words. */
export function textOf({ content }: FrameData): string | undefined {
  const [block] = Array.isArray(content) ? (content as { type: string; text?: string }[]) : [];
  return block?.type === "text" ? block.text : undefined;
}
