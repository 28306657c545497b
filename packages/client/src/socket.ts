import type { CommandAck, CommandInput, CommandType, ServerFrame, Welcome } from "@claude-companion/protocol";
import { CompanionError, isErrorCode } from "@claude-companion/protocol/errors";

type WelcomeData = (typeof Welcome)["_output"];

/** The connection ended before the answer came: whether the command was done is not known. */
export class Disconnected extends Error {
  override readonly name = "Disconnected";
}

/** What we need of a WebSocket: browsers, Node and React Native have it. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** One WebSocket connection, from greeting to end. */
export interface Socket {
  /**
   * @param onAnswer called in the same breath as the answer arrives, before any frame that follows it
   * @throws CompanionError with the server's code; Disconnected
   */
  request<T extends CommandType>(
    type: T,
    data: CommandInput<T>,
    onAnswer?: (ack: CommandAck<T>) => void,
  ): Promise<CommandAck<T>>;
  /** Asks whether the other side is still there; ends the connection when nothing is heard in time. */
  probe(deadlineMs: number): void;
  close(): void;
}

const patience = 1.5;
const greetingMs = 15_000;

/**
 * Speaks over an opening WebSocket.
 * @param options.onEvent every frame that is no answer, in order
 * @param options.onClose called once, with the close code; 1006 for a connection that was given up
 */
export function createSocket(options: {
  ws: WebSocketLike;
  onWelcome: (welcome: WelcomeData) => void;
  onEvent: (frame: ServerFrame, length: number) => void;
  onClose: (code: number, reason: string) => void;
}): Socket {
  const { ws } = options;
  const waiting = new Map<string, { answer: (ack: never) => void; reject: (error: Error) => void }>();
  let requests = 0;
  let heardAt = Date.now();
  let isClosed = false;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let probing: ReturnType<typeof setTimeout> | undefined = setTimeout(() => give("no greeting"), greetingMs);

  function end(code: number, reason: string): void {
    if (isClosed) return;
    isClosed = true;
    clearInterval(heartbeat);
    clearTimeout(probing);
    ws.onmessage = null;
    ws.onclose = null;
    for (const { reject } of waiting.values()) reject(new Disconnected(`The connection ended (${code} ${reason}).`));
    waiting.clear();
    options.onClose(code, reason);
  }
  /** A dead network does not answer a close either: it is over when we say so. */
  function give(reason: string): void {
    ws.close();
    end(1006, reason);
  }
  function send(type: string, requestId: string, data: object): void {
    ws.send(JSON.stringify({ type, requestId, data }));
  }
  function receive(frame: ServerFrame, length: number): void {
    switch (frame.type) {
      case "welcome":
        clearTimeout(probing);
        probing = undefined;
        keepAlive(frame.data.heartbeatSeconds * 1_000);
        return options.onWelcome(frame.data);
      case "pong":
        return;
      case "ack":
        waiting.get(frame.requestId)?.answer(frame.data as never);
        return void waiting.delete(frame.requestId);
      case "error": {
        if (frame.requestId === undefined) return options.onEvent(frame, length);
        const { code, message, details } = frame.data;
        const error = isErrorCode(code) ? new CompanionError(code, message, details) : new Error(message);
        waiting.get(frame.requestId)?.reject(error);
        return void waiting.delete(frame.requestId);
      }
      default:
        return options.onEvent(frame, length);
    }
  }
  function keepAlive(everyMs: number): void {
    heartbeat = setInterval(() => {
      const silentMs = Date.now() - heardAt;
      if (silentMs > everyMs * patience) give("silence");
      else if (silentMs > everyMs / 2) send("ping", "heartbeat", {});
    }, everyMs / 2);
    // In Node, waiting for a heartbeat must not keep the program alive.
    const handle: { unref?(): void } = Object(heartbeat);
    handle.unref?.();
  }

  ws.onmessage = ({ data }) => {
    heardAt = Date.now();
    const text = String(data);
    receive(JSON.parse(text), text.length);
  };
  ws.onclose = ({ code, reason }) => end(code, reason);
  // What went wrong comes as a close.
  ws.onerror = () => {};

  return {
    request(type, data, onAnswer) {
      if (isClosed || ws.readyState !== 1) return Promise.reject(new Disconnected("There is no connection."));
      const requestId = `c-${++requests}`;
      return new Promise((resolve, reject) => {
        const answer = (ack: Parameters<typeof resolve>[0]) => {
          onAnswer?.(ack as never);
          resolve(ack);
        };
        waiting.set(requestId, { answer, reject });
        send(type, requestId, data);
      });
    },
    probe(deadlineMs) {
      if (isClosed || probing !== undefined || ws.readyState !== 1) return;
      const askedAt = Date.now();
      send("ping", "probe", {});
      probing = setTimeout(() => {
        probing = undefined;
        if (heardAt < askedAt) give("no answer");
      }, deadlineMs);
    },
    close() {
      ws.close(1000, "closed");
      end(1000, "closed");
    },
  };
}
