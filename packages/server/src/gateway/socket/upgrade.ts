import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type CloseCode, CompanionError, PROTOCOL_VERSION } from "@claude-companion/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Auth, OriginPolicy, Principal } from "../../auth/index.ts";
import { every } from "../../clock.ts";
import type { Attention } from "../../push/index.ts";
import type { Records } from "../../records/index.ts";
import { authenticate, checkOrigin } from "../access.ts";
import { problemOf } from "../http/problem.ts";
import type { ConnectionReading } from "../http/telemetry-routes.ts";
import { type Identity, identify } from "../identity.ts";
import type { Places } from "../limits.ts";
import type { Load } from "../load.ts";
import { companionErrorOf } from "../reply.ts";
import { isPrivateRequest } from "../secure.ts";
import type { StorageState } from "../storage-state.ts";
import { type Connection, type ConnectionHouse, createConnection } from "./connection.ts";
import { createTurnEnd } from "./turn-end.ts";
import { createWriter } from "./writer.ts";

const goodbyeMs = 2_000;
/** A function of nobody's: one that is made where a request is would keep the request for as long as it lives. */
const ignore = () => {};
const windowBytes = { standard: 256 * 1024, min: 16 * 1024, max: 8 * 1024 * 1024 };

/** The WebSocket door. */
export interface SocketDoor {
  readonly connections: number;
  /** How a user's connection is; undefined when there is none. */
  reading(user: string, clientId: string): ConnectionReading | undefined;
  /** Takes no more connections and tells those there are that the server goes away (1001). */
  close(): Promise<void>;
}

/** What the door needs of the house. */
export interface SocketHouse extends ConnectionHouse {
  auth: Auth;
  origins: OriginPolicy;
  records: Pick<Records, "devices">;
  storage: Pick<StorageState, "trouble" | "onTrouble">;
  attention: Pick<Attention, "gone">;
}

/** Opens `/ws` on an HTTP server. */
export function openSocketDoor(options: {
  server: Server;
  /** Take no connection that somebody on the way could read. */
  onlyPrivate: boolean;
  house: SocketHouse;
  places: Places;
  load: Load;
  version: string;
  limits: {
    frameBytesMax: number;
    commandsPerSecond: number;
    sessionsMax: number;
    heartbeatMs: number;
    stalledMs: number;
  };
}): SocketDoor {
  const { server, house, places, load, limits } = options;
  const { clock, report } = house;
  // Compression costs 226 KB a connection; live traffic goes without (docs/decisions/0003).
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytesMax,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const connections = new Set<Connection>();
  const turnEnd = createTurnEnd();
  let closed = false;

  function admit(request: IncomingMessage): {
    principal: Principal;
    identity: Identity;
    query: URLSearchParams;
    /** `full`: the server takes no more. */
    release: (() => void) | "full";
  } {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname !== "/ws") throw new CompanionError("NOT_FOUND", "WebSocket connections go to /ws.");
    if (options.onlyPrivate && !isPrivateRequest(request))
      throw new CompanionError("FORBIDDEN", "This server is reached by wss:// and https:// only.");
    if (closed) throw new CompanionError("OVERLOADED", "The server is stopping. Come back in a moment.");
    checkOrigin(house.origins, request.headers);
    const { authorization } = request.headers;
    const principal = authenticate(house.auth, { authorization, query: url.searchParams, takesTicket: true });
    const place = places.take(request.socket.remoteAddress ?? "");
    if (place === "address")
      throw new CompanionError("RATE_LIMITED", "Too many connections from this address. Close some.", {
        retryAfterSeconds: 5,
      });
    return {
      principal,
      identity: identify(principal, request.headers, url.searchParams),
      query: url.searchParams,
      release: place === "total" ? "full" : place,
    };
  }

  async function restoredFor(user: string, deviceId: string) {
    const followed = (await house.positions.list(deviceId)).filter((position) => position.subscribed);
    const found = await Promise.all(
      followed.map(async ({ sessionId, epoch, ackedSeq }) => {
        const summary = await house.sessions.find(user, sessionId);
        return summary && { sessionId, epoch, lastSeq: summary.lastSeq, ackedSeq };
      }),
    );
    return found.filter((session) => session !== undefined);
  }

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { principal, identity, query, release } = admit(request);
    // What a connection needs of the request, so that it need not keep the request.
    const protocol = Number(query.get("protocol") ?? PROTOCOL_VERSION);
    const clientId = query.get("clientId")?.slice(0, 100) || randomUUID();
    const asked = Number(query.get("window"));
    if (release !== "full") socket.once("close", release);
    // A browser sees a close code, and no answer before the upgrade.
    if (release === "full" || load.refusal() !== undefined)
      return sockets.handleUpgrade(request, socket, head, (ws) =>
        ws.close(1013, "the server is full, come back later"),
      );
    const { user, tokenId } = principal;
    const { deviceId } = identity;
    const [agents, restored] = await Promise.all([house.sessions.agents(), restoredFor(user, deviceId)]);
    if (socket.destroyed) return;
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (protocol !== PROTOCOL_VERSION) return turnAway(ws, 4510, `this server speaks protocol ${PROTOCOL_VERSION}`);
      if (closed) return turnAway(ws, 1001, "the server is stopping");
      for (const other of connections)
        if (other.clientId === clientId && other.user === user) other.close(4509, "replaced");
      const connection = createConnection({
        ws,
        makeWriter: (onProgress) => createWriter({ socket, turnEnd, load, traffic: report.traffic, onProgress }),
        caller: { user, tokenId, deviceId, deviceName: identity.name },
        clientId,
        tokenId,
        welcome: {
          clientId,
          deviceId,
          deviceIdSource: identity.source,
          protocol: PROTOCOL_VERSION,
          serverVersion: options.version,
          user,
          agents,
          limits: {
            frameBytesMax: limits.frameBytesMax,
            commandsPerSecond: limits.commandsPerSecond,
            sessionsMax: limits.sessionsMax,
          },
          heartbeatSeconds: limits.heartbeatMs / 1_000,
          restored,
        },
        windowBytes: asked > 0 ? Math.min(Math.max(asked, windowBytes.min), windowBytes.max) : windowBytes.standard,
        limits,
        house,
      });
      connections.add(connection);
      if (house.storage.trouble !== undefined) tellTrouble(connection, house.storage.trouble);
      void connection.closed.then(() => {
        connections.delete(connection);
        const isLast = ![...connections].some((other) => other.deviceId === deviceId);
        if (!isLast) return;
        house.sessions.lookAway(deviceId);
        house.attention.gone(deviceId);
      });
      report.connectionOpened({ clientId, deviceId, user, isReturn: restored.length > 0 });
      const device = { deviceId, user, name: identity.name, lastSeenAt: clock.now() };
      house.records.devices
        .save(device)
        .catch((error: unknown) => report.storageFailed({ operation: "save a device", error }));
    });
  }

  /** Says why, listens to nothing, and does not wait long for the goodbye. */
  function turnAway(ws: WebSocket, code: CloseCode, reason: string): void {
    ws.on("error", ignore);
    ws.close(code, reason);
    clock.after(goodbyeMs, () => ws.terminate());
  }
  function refuse(request: IncomingMessage, socket: Duplex, thrown: unknown): void {
    const error = companionErrorOf(thrown);
    report.upgradeRefused({ status: error.status, reason: error.message, address: request.socket.remoteAddress ?? "" });
    const body = JSON.stringify(problemOf(error, undefined));
    const retry =
      typeof error.details?.retryAfterSeconds === "number" ? `Retry-After: ${error.details.retryAfterSeconds}\r\n` : "";
    socket.end(
      `HTTP/1.1 ${error.status} ${error.code}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n${retry}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  server.on("upgrade", (request, socket, head) => {
    // Until the library takes over, a reset of the connection is nobody else's to hear.
    socket.on("error", ignore);
    accept(request, socket, head).catch((error: unknown) => refuse(request, socket, error));
  });
  const stopRevoking = house.auth.onRevoked((tokenId) => {
    for (const connection of connections) if (connection.tokenId === tokenId) connection.close(4501, "revoked");
  });

  // Nobody who sees only old things should think that all is well.
  const tellTrouble = (connection: Connection, trouble: string) =>
    connection.tell(new CompanionError("STORAGE_FAILED", `What agents do cannot be stored now, and waits: ${trouble}`));
  const stopTelling = house.storage.onTrouble((trouble) => {
    for (const connection of connections) tellTrouble(connection, trouble);
  });

  const stopSweeping = every(clock, Math.min(1_000, limits.heartbeatMs / 4), () => {
    let bufferedBytes = 0;
    for (const connection of connections) {
      connection.sweep();
      bufferedBytes += connection.bufferedBytes;
    }
    load.observe(bufferedBytes);
  });

  return {
    get connections() {
      return connections.size;
    },
    reading: (user, clientId) =>
      [...connections].find((connection) => connection.user === user && connection.clientId === clientId)?.reading(),
    async close() {
      closed = true;
      stopSweeping();
      stopRevoking();
      stopTelling();
      for (const connection of connections) connection.close(1001, "the server is stopping");
      await Promise.all([...connections].map((connection) => connection.closed));
    },
  };
}
