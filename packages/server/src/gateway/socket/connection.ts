import {
  type CloseCode,
  type CommandData,
  CommandEnvelope,
  type CommandType,
  CompanionError,
  type ConnectionCommand,
  commands,
  isCommandType,
  RequestId,
  type Welcome,
} from "@claude-companion/protocol";
import type { RawData, WebSocket } from "ws";
import type { z } from "zod";
import { type Clock, isoTime } from "../../clock.ts";
import { type Caller, type Handlers, summariesFor, summaryFor } from "../../commands/index.ts";
import type { Hub, Positions } from "../../delivery/index.ts";
import { parseJson } from "../../parse-json.ts";
import type { Sessions } from "../../sessions/index.ts";
import type { Report } from "../../telemetry/index.ts";
import type { ConnectionReading } from "../http/telemetry-routes.ts";
import { createBucket } from "../limits.ts";
import { companionErrorOf, errorDataOf, invalidRequest } from "../reply.ts";
import { createSubscriptions } from "./subscriptions.ts";
import { createWatch, type Watch } from "./watch.ts";
import type { Writer } from "./writer.ts";

const invalidFramesMax = 50;
const refusalsMax = 500;
const inFlightMax = 64;
const closeMs = 2_000;

/** What a connection needs of the house. */
export interface ConnectionHouse {
  handlers: Handlers;
  sessions: Sessions;
  hub: Hub;
  positions: Positions;
  report: Report;
  clock: Clock;
}

/** One client's connection: commands in, answers and events out. */
export interface Connection {
  readonly clientId: string;
  readonly user: string;
  readonly deviceId: string;
  readonly tokenId: string;
  /** What waits to be sent. */
  readonly bufferedBytes: number;
  /** How it is, for who owns it. */
  reading(): ConnectionReading;
  /** An error that concerns all. */
  tell(error: CompanionError): void;
  /** Pings, and ends what is dead or takes nothing. Called now and then. */
  sweep(): void;
  close(code: CloseCode, reason: string): void;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
}

/** Takes over a WebSocket: greets, then serves until it closes. */
export function createConnection(options: {
  ws: WebSocket;
  makeWriter: (onProgress: () => void) => Writer;
  caller: Caller;
  clientId: string;
  tokenId: string;
  welcome: z.infer<typeof Welcome>;
  windowBytes: number;
  limits: { commandsPerSecond: number; heartbeatMs: number; stalledMs: number };
  house: ConnectionHouse;
}): Connection {
  const { ws, caller, clientId, house, limits } = options;
  const { clock, report, sessions, positions, hub } = house;
  const writer = options.makeWriter(() => subscriptions.progressed());
  const subscriptions = createSubscriptions({
    writer,
    windowBytes: options.windowBytes,
    clock,
    onFailure: (sessionId, error) => sendError({ sessionId }, error),
    onDelivered: (event) => report.delivered(event),
    now: clock.now,
  });
  const bucket = createBucket({ perSecond: limits.commandsPerSecond, clock });
  const statuses = new Map<string, string>();
  const openedAt = clock.monotonicMs();
  const connectedAt = clock.now();
  const { traffic } = report;
  const received = { frames: 0, bytes: 0, failed: 0 };
  const gone = Promise.withResolvers<void>();
  let watch: Watch | undefined;
  let invalidFrames = 0;
  let refusals = 0;
  let inFlight = 0;
  let heardAt = openedAt;
  let pingAt = openedAt + nextPingMs();

  function nextPingMs(): number {
    return limits.heartbeatMs * (0.9 + Math.random() * 0.2);
  }
  const timestamp = () => isoTime(clock.now());
  const send = (frame: object) => writer.send(JSON.stringify(frame));
  function sendError(
    about: { requestId?: string | undefined; sessionId?: string },
    thrown: unknown,
    type = "event",
  ): void {
    const error = companionErrorOf(thrown);
    report.commandFailed({ type, code: error.code, requestId: about.requestId ?? "", error: thrown });
    const data = errorDataOf(error, report.correlationId());
    send({ type: "error", ...about, timestamp: timestamp(), data });
  }
  const acknowledge = (requestId: string, data: object) =>
    send({ type: "ack", requestId, timestamp: timestamp(), data: { requestId, ...data } });

  /** Those that change what flows on this connection. */
  const own: { [T in ConnectionCommand]: (data: CommandData<T>, requestId: string) => Promise<void> | void } = {
    async subscribe({ sessionId, after, epoch, events }, requestId) {
      const session = await sessions.get(caller.user, sessionId);
      const stored = after === "acked" ? await positions.find(caller.deviceId, sessionId) : undefined;
      const from = after === "latest" ? undefined : after === "acked" ? (stored?.ackedSeq ?? 0) : after;
      const subscription = await hub.subscribe(sessionId, {
        after: from,
        epoch: epoch ?? stored?.epoch,
        types: events,
      });
      await positions
        .setSubscribed({ deviceId: caller.deviceId, sessionId, epoch: subscription.epoch, subscribed: true })
        .catch((error: unknown) => {
          subscription.close();
          throw error;
        });
      if (ws.readyState !== ws.OPEN) return subscription.close();
      const pendingPermissions = [...session.pendingPermissions];
      // The answer first, then what it announces.
      acknowledge(requestId, {
        epoch: subscription.epoch,
        ...subscription.start,
        status: session.state.name,
        pendingPermissions,
      });
      subscriptions.add(subscription);
    },
    async unsubscribe({ sessionId }, requestId) {
      subscriptions.remove(sessionId);
      const position = await positions.find(caller.deviceId, sessionId);
      if (position) await positions.setSubscribed({ ...position, subscribed: false });
      acknowledge(requestId, {});
    },
    async watchSessions(_data, requestId) {
      // Follow first, list second: a change in between is told twice rather than never.
      watch ??= createWatch({
        user: caller.user,
        sessions,
        statuses,
        clock,
        send: (frame) => writer.send(frame),
        async summarise(sessionId) {
          const summary = await sessions.find(caller.user, sessionId);
          return summary && summaryFor(caller, summary, positions);
        },
        onFailure: (error) => sendError({}, error),
      });
      const list = await summariesFor(caller, sessions, positions);
      for (const { sessionId, status } of list) statuses.set(sessionId, status);
      acknowledge(requestId, { sessions: list });
    },
    ping(_data, requestId) {
      send({ type: "pong", requestId, timestamp: timestamp(), data: { timestamp: timestamp() } });
    },
  };
  const isOwn = (type: CommandType): type is ConnectionCommand => commands[type].connection;

  async function run(type: CommandType, requestId: string, data: unknown): Promise<void> {
    const parsed = commands[type].data.safeParse(data ?? {});
    if (!parsed.success) {
      countInvalid();
      throw invalidRequest(parsed.error, `The data of ${type}`);
    }
    if (isOwn(type)) return runOwn(type, requestId, parsed.data as never);
    // Which command it is and what its data is belong together; the compiler cannot follow that through a table.
    const handler = house.handlers[type] as (who: Caller, what: unknown) => Promise<object>;
    acknowledge(requestId, await handler(caller, parsed.data));
    if (type === "acknowledge") {
      const { sessionId, seq } = parsed.data as CommandData<"acknowledge">;
      subscriptions.acknowledged(sessionId, seq);
    }
  }
  async function runOwn<T extends ConnectionCommand>(type: T, requestId: string, data: CommandData<T>): Promise<void> {
    await own[type](data, requestId);
  }

  function countInvalid(): void {
    invalidFrames += 1;
    received.failed += 1;
    traffic.framesFailed += 1;
    if (invalidFrames >= invalidFramesMax) close(1008, "too many invalid frames");
  }
  function refuseFrame(message: string, requestId?: string): void {
    countInvalid();
    sendError({ requestId }, new CompanionError("INVALID_REQUEST", message), "frame");
  }
  function receive(raw: RawData, isBinary: boolean): void {
    heardAt = clock.monotonicMs();
    const bytes = (raw as Buffer).byteLength;
    received.frames += 1;
    received.bytes += bytes;
    traffic.framesReceived += 1;
    traffic.bytesReceived += bytes;
    if (isBinary) return close(1003, "frames are JSON text");
    const said = parseJson(String(raw));
    if (said === undefined) return refuseFrame("The frame is not JSON.");
    const envelope = CommandEnvelope.safeParse(said);
    if (!envelope.success) {
      countInvalid();
      return sendError({ requestId: requestIdOf(said) }, invalidRequest(envelope.error, "The frame"), "frame");
    }
    const { type, requestId, data, traceparent } = envelope.data;
    if (!isCommandType(type))
      return refuseFrame(
        `There is no command \`${type}\` (path: type). Commands: ${Object.keys(commands).join(", ")}.`,
        requestId,
      );
    const retryAfterSeconds = bucket.take();
    if (retryAfterSeconds > 0) {
      refusals += 1;
      if (refusals >= refusalsMax) return close(4029, "too many commands");
      const details = { retryAfterSeconds: Math.ceil(retryAfterSeconds * 1_000) / 1_000 };
      const limit = new CompanionError(
        "RATE_LIMITED",
        `More than ${limits.commandsPerSecond} commands a second; wait ${details.retryAfterSeconds} s.`,
        details,
      );
      return sendError({ requestId }, limit, type);
    }
    inFlight += 1;
    if (inFlight >= inFlightMax) ws.pause();
    const request = report.request({ transport: "websocket", name: type, traceparent });
    void request.run(async () => {
      try {
        await run(type, requestId, data);
        request.ended({});
      } catch (error) {
        sendError({ requestId }, error, type);
        request.ended({ code: companionErrorOf(error).code });
      }
      inFlight -= 1;
      if (inFlight < inFlightMax && ws.isPaused) ws.resume();
    });
  }

  function close(code: CloseCode, reason: string): void {
    subscriptions.close();
    watch?.close();
    writer.flush();
    ws.close(code, reason);
    // A client that takes nothing does not take the close frame either.
    clock.after(closeMs, () => ws.terminate());
  }

  ws.on("message", receive);
  ws.on("pong", () => (heardAt = clock.monotonicMs()));
  ws.on("ping", () => (heardAt = clock.monotonicMs()));
  // What went wrong is in the close code that follows.
  ws.on("error", () => {});
  ws.on("close", (code, reason) => {
    subscriptions.close();
    watch?.close();
    report.connectionClosed({ clientId, code, reason: reason.toString(), durationMs: clock.monotonicMs() - openedAt });
    gone.resolve();
  });
  send({ type: "welcome", timestamp: timestamp(), data: options.welcome });

  return {
    clientId,
    user: caller.user,
    deviceId: caller.deviceId,
    tokenId: options.tokenId,
    closed: gone.promise,
    get bufferedBytes() {
      return writer.bufferedBytes;
    },
    close,
    reading: () => ({
      clientId,
      deviceId: caller.deviceId,
      connectedAt: isoTime(connectedAt),
      sent: { ...writer.sent },
      received: { ...received },
      bufferedBytes: writer.bufferedBytes,
      unacknowledgedBytes: subscriptions.unacknowledgedBytes,
      stalledMs: subscriptions.stalledMs(),
      silentMs: clock.monotonicMs() - heardAt,
      sessions: subscriptions.sessionIds,
    }),
    tell: (error) => send({ type: "error", timestamp: timestamp(), data: errorDataOf(error) }),
    sweep() {
      const now = clock.monotonicMs();
      if (now - heardAt > limits.heartbeatMs * 1.5) return ws.terminate();
      if (subscriptions.stalledMs() > limits.stalledMs) return close(4008, "too slow");
      if (now < pingAt || ws.readyState !== ws.OPEN) return;
      pingAt = now + nextPingMs();
      ws.ping();
    },
  };
}

function requestIdOf(value: unknown): string | undefined {
  const id = typeof value === "object" && value !== null && "requestId" in value ? value.requestId : undefined;
  return RequestId.safeParse(id).data;
}
