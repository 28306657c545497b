import type {
  CommandAck,
  CommandInput,
  CommandType,
  PermissionAnswer,
  ServerFrame,
  Upload,
  Welcome,
} from "@claude-companion/protocol";
import { shouldReconnect } from "@claude-companion/protocol/close-codes";
import { CompanionError, isErrorCode } from "@claude-companion/protocol/errors";
import { createMemory } from "./memory.ts";
import { type Outbox, openOutbox } from "./outbox.ts";
import { reconnectDelayMs } from "./reconnect.ts";
import {
  createSessionStream,
  type SessionFrame,
  type SessionStream,
  type StreamFeed,
  type SubscribeOptions,
} from "./session-stream.ts";
import { createSocket, Disconnected, type Socket, type WebSocketLike } from "./socket.ts";
import type { Storage } from "./storage.ts";
import { uuid } from "./uuid.ts";
import { isHidden, onWake } from "./wake.ts";

type WelcomeData = (typeof Welcome)["_output"];
type SessionList = CommandAck<"watchSessions">["sessions"];
type UploadInfo = (typeof Upload)["_output"];
type Content = CommandInput<"sendMessage">["content"];

const probeMs = 1_500;
const ticketMs = 10_000;
const stableMs = 5_000;
const requestMs = 30_000;

/** How to reach a server and who we are. */
export interface ConnectOptions {
  /** `http://host:3001` or `https://…`. */
  url: string;
  /** The token, or how to get it before each attempt to connect (it may change when the server restarts). */
  token: string | (() => Promise<string>);
  /** Keeps device id, positions and unsent messages; by default in memory only. */
  storage?: Storage;
  /** For people: "Ada's phone". */
  deviceName?: string;
  /** Most bytes that may be under way unacknowledged; the server's standard suits phones. */
  windowBytes?: number;
  /** Where the platform has no global one (or another is wanted). */
  WebSocket?: new (
    url: string,
  ) => WebSocketLike;
  fetch?: typeof fetch;
}

/** How to send a message. */
export interface SendOptions {
  /** Made by default; sending the same again does nothing twice. */
  messageId?: string;
  /** When it reaches an agent that is at work; by default after the turn. */
  delivery?: CommandInput<"sendMessage">["delivery"];
}

/** What the connection is like now. `closed` is for good; `error` says why. */
export type ConnectionState =
  | { name: "connecting" }
  | { name: "connected"; welcome: WelcomeData }
  | { name: "reconnecting"; since: number; attempt: number }
  | { name: "closed"; error: Error | undefined };

/** A lasting connection to a companion server: it comes back by itself, and nothing is lost or doubled on the way. */
export interface Companion {
  readonly state: ConnectionState;
  readonly deviceId: string;
  /** Calls back after each change of `state`. @returns stops it */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Calls back with what the server tells everybody, such as a disk that is full. @returns stops it */
  onTrouble(listener: (error: CompanionError) => void): () => void;
  /** Resolves with the greeting once connected. */
  connected(): Promise<WelcomeData>;
  /**
   * Sends a command; waits up to 30 s for a connection.
   * @throws CompanionError with the server's code; Disconnected when the answer got lost and it is not known what happened
   */
  request<T extends CommandType>(type: T, data: CommandInput<T>): Promise<CommandAck<T>>;
  /** A session's events, exactly once, until closed. */
  subscribe(sessionId: string, options?: SubscribeOptions): SessionStream;
  /** Sends a message exactly once: it is kept until the server has it, also through a restart of the app. */
  send(sessionId: string, content: Content, options?: SendOptions): Promise<CommandAck<"sendMessage">>;
  /**
   * Brings a file, to be sent along as `{ type: "upload", uploadId }`. Bringing it again with the same id changes nothing.
   * @throws CompanionError `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST` when it is not what its `type` says
   */
  upload(file: Blob, about: { name: string; uploadId?: string }): Promise<UploadInfo>;
  /**
   * A request over REST as this device, for what has no command: files, telemetry, tokens.
   * @throws CompanionError with the server's code; TypeError when it cannot be reached
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Messages that are kept because the server does not have them yet. */
  unsent(): { sessionId: string; messageId: string; content: Content }[];
  /** Answers a permission request, also through lost connections. @throws CompanionError `ALREADY_RESOLVED` when somebody else was first */
  respond(
    sessionId: string,
    permissionId: string,
    answer: (typeof PermissionAnswer)["_output"],
  ): Promise<CommandAck<"respondPermission">>;
  /** The list of sessions, kept up to date. @returns stops it */
  watchSessions(listener: (sessions: SessionList) => void): () => void;
  /** The app came back into view, the network changed: make sure that the connection is alive. Browsers do this by themselves. */
  wake(): void;
  close(): void;
}

/** Connects, and stays connected. */
export async function connect(options: ConnectOptions): Promise<Companion> {
  const storage = options.storage ?? createMemory();
  const deviceId = await deviceIdOf(storage);
  const clientId = uuid();
  const base = options.url.replace(/^ws/, "http").replace(/\/+$/, "");
  const listeners = new Set<(state: ConnectionState) => void>();
  const troubleListeners = new Set<(error: CompanionError) => void>();
  const streams = new Map<string, SessionStream & StreamFeed>();
  const watchers = new Set<(sessions: SessionList) => void>();
  const sessions = new Map<string, SessionList[number]>();
  let state: ConnectionState = { name: "connecting" };
  let socket: Socket | undefined;
  let attempt = 0;
  let connectedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let generation = 0;

  function become(next: ConnectionState): void {
    state = next;
    for (const listener of [...listeners]) listener(next);
  }
  const isClosed = () => state.name === "closed";

  async function open(): Promise<void> {
    const mine = ++generation;
    // An attempt that is still under way is given up: what it brings is nobody's.
    socket?.close();
    socket = undefined;
    try {
      const ticket = await getTicket();
      if (mine !== generation || isClosed()) return;
      const query = new URLSearchParams({ ticket, deviceId, clientId, protocol: "1" });
      if (options.deviceName) query.set("deviceName", options.deviceName);
      if (options.windowBytes) query.set("window", String(options.windowBytes));
      const Constructor = options.WebSocket ?? (globalThis.WebSocket as unknown as new (url: string) => WebSocketLike);
      socket = createSocket({
        ws: new Constructor(`${base.replace(/^http/, "ws")}/ws?${query}`),
        onWelcome: (welcome) => mine === generation && greet(welcome),
        onEvent: (frame, length) => mine === generation && route(frame, length),
        onClose: (code, reason) => mine === generation && lost(code, reason),
      });
    } catch (error) {
      if (mine !== generation || isClosed()) return;
      const isRefused =
        error instanceof CompanionError && (error.code === "FORBIDDEN" || error.code === "AUTHENTICATION_REQUIRED");
      // A token that can be asked for again may be another one by then.
      if (isRefused && typeof options.token === "string") return end(error);
      retry();
    }
  }
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const token = typeof options.token === "string" ? options.token : await options.token();
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    headers.set("x-device-id", deviceId);
    const response = await (options.fetch ?? fetch)(base + path, { ...init, headers });
    if (response.status < 300) return response;
    const answer = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    const { code, detail } = answer;
    throw new CompanionError(
      isErrorCode(code) ? code : "INTERNAL",
      detail ?? `The server answered ${response.status}.`,
    );
  }
  async function getTicket(): Promise<string> {
    const patience = new AbortController();
    const timeout = setTimeout(() => patience.abort(), ticketMs);
    try {
      const answer = await ask("/api/auth/ticket", { method: "POST", signal: patience.signal });
      return ((await answer.json()) as { ticket: string }).ticket;
    } finally {
      clearTimeout(timeout);
    }
  }
  function greet(welcome: WelcomeData): void {
    connectedAt = Date.now();
    become({ name: "connected", welcome });
    for (const stream of streams.values()) stream.connected();
    if (watchers.size > 0) void watch();
  }
  function lost(code: number, reason: string): void {
    socket = undefined;
    if (!shouldReconnect(code)) return end(new Error(`The server ended the connection: ${reason || code}.`));
    // A connection that did not last counts as an attempt, or a server that refuses us at once would be hammered.
    if (state.name === "connected" && Date.now() - connectedAt > stableMs) attempt = 0;
    retry();
  }
  function retry(): void {
    const since = state.name === "reconnecting" ? state.since : Date.now();
    become({ name: "reconnecting", since, attempt });
    const wait = reconnectDelayMs({ attempt: attempt++, isHidden: isHidden(), random: Math.random() });
    clearTimeout(timer);
    timer = setTimeout(() => void open(), wait);
  }
  function end(error: Error | undefined): void {
    if (isClosed()) return;
    generation += 1;
    clearTimeout(timer);
    stopWaking();
    outbox.close();
    socket?.close();
    socket = undefined;
    become({ name: "closed", error });
    for (const stream of [...streams.values()]) {
      if (error) stream.fail(error);
      else stream.close();
    }
  }

  function route(frame: ServerFrame, length: number): void {
    if ("sessionId" in frame && frame.sessionId !== undefined) {
      if (frame.type === "sessionUpdated" && frame.data.session) {
        sessions.set(frame.sessionId, frame.data.session);
        tellWatchers();
      }
      streams.get(frame.sessionId)?.receive(frame as SessionFrame, length);
    } else if (frame.type === "error") {
      const { code, message, details } = frame.data;
      for (const listener of [...troubleListeners]) listener(new CompanionError(code, message, details));
    }
  }
  async function watch(): Promise<void> {
    const answer = await companion.request("watchSessions", {}).catch((error: unknown) => {
      if (error instanceof Disconnected || error instanceof CompanionError) return undefined;
      throw error;
    });
    if (answer === undefined) return;
    sessions.clear();
    for (const session of answer.sessions) sessions.set(session.sessionId, session);
    tellWatchers();
  }
  function tellWatchers(): void {
    const list = [...sessions.values()]
      .filter((session) => session.status !== "ended")
      .sort((a, b) => (a.lastActivityAt < b.lastActivityAt ? 1 : -1));
    for (const watcher of watchers) watcher(list);
  }

  const companion: Companion = {
    get state() {
      return state;
    },
    deviceId,
    onTrouble(listener) {
      troubleListeners.add(listener);
      return () => troubleListeners.delete(listener);
    },
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connected() {
      return new Promise((resolve, reject) => {
        const look = (now: ConnectionState) => {
          if (now.name === "connected") resolve(now.welcome);
          else if (now.name === "closed") reject(now.error ?? new Disconnected("The connection was closed."));
          else return;
          stop();
        };
        const stop = companion.onState(look);
        look(state);
      });
    },
    async request(type, data) {
      await within(requestMs, companion.connected());
      if (socket === undefined) throw new Disconnected("There is no connection.");
      return socket.request(type, data);
    },
    subscribe(sessionId, subscribe = {}) {
      streams.get(sessionId)?.close();
      const stream = createSessionStream({
        sessionId,
        subscribe,
        storage,
        request: (...command) =>
          socket?.request(...command) ?? Promise.reject(new Disconnected("There is no connection.")),
        onClose() {
          if (streams.get(sessionId) !== stream) return;
          streams.delete(sessionId);
          socket?.request("unsubscribe", { sessionId }).catch(() => {});
        },
      });
      streams.set(sessionId, stream);
      if (state.name === "connected") stream.connected();
      if (state.name === "closed") stream.fail(state.error ?? new Disconnected("The connection was closed."));
      return stream;
    },
    send: (sessionId, content, { messageId = uuid(), delivery } = {}) =>
      outbox.send({ sessionId, messageId, content, ...(delivery === undefined ? {} : { delivery }) }),
    async upload(file, { name, uploadId = uuid() }) {
      const query = new URLSearchParams({ name, uploadId });
      // The blob's own type is its content type.
      const answer = await ask(`/api/uploads?${query}`, { method: "POST", body: file });
      return ((await answer.json()) as { upload: UploadInfo }).upload;
    },
    fetch: ask,
    unsent: () => outbox.pending(),
    async respond(sessionId, permissionId, answer) {
      for (;;) {
        try {
          await companion.connected();
          return await companion.request("respondPermission", { sessionId, permissionId, ...answer });
        } catch (error) {
          if (error instanceof Disconnected && !isClosed()) continue;
          // Our own answer, whose acknowledgement got lost.
          const outcome =
            error instanceof CompanionError && error.code === "ALREADY_RESOLVED" ? error.details?.outcome : undefined;
          const known = outcome as CommandAck<"respondPermission">["outcome"] | undefined;
          if (known?.by?.deviceId === deviceId && known.decision === answer.decision) return { outcome: known };
          throw error;
        }
      }
    },
    watchSessions(listener) {
      watchers.add(listener);
      if (state.name === "connected") void watch();
      return () => watchers.delete(listener);
    },
    wake() {
      if (state.name === "connected") return socket?.probe(probeMs);
      if (state.name !== "reconnecting") return;
      attempt = 0;
      clearTimeout(timer);
      void open();
    },
    close: () => end(undefined),
  };
  const outbox: Outbox = await openOutbox({
    storage,
    async request(message) {
      await companion.connected();
      return companion.request("sendMessage", message);
    },
    onRefused: () => {},
  });
  const stopWaking = onWake(() => companion.wake());
  void open();
  return companion;
}

async function deviceIdOf(storage: Storage): Promise<string> {
  const known = await storage.get("deviceId");
  if (typeof known === "string") return known;
  const made = uuid();
  await storage.set("deviceId", made);
  return made;
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Disconnected(`No connection for ${ms / 1_000} s.`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
