import { asyncApiDocument } from "@claude-companion/protocol";
import type { FastifyInstance } from "fastify";
import type { AgentUsages } from "../agents/index.ts";
import type { Auth, OriginPolicy, Pairing } from "../auth/index.ts";
import type { Certificate } from "../certificates/index.ts";
import type { Clock } from "../clock.ts";
import type { ActOnNotification, Handlers } from "../commands/index.ts";
import type { Hub, Positions } from "../delivery/index.ts";
import type { EventLog } from "../log/index.ts";
import type { Attention, Push } from "../push/index.ts";
import type { Records } from "../records/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Disk, Report, Series, Telemetry } from "../telemetry/index.ts";
import type { Uploads } from "../uploads/index.ts";
import { addCommandRoutes } from "./http/command-routes.ts";
import { addHealthRoutes } from "./http/health-routes.ts";
import { addPairingRoutes } from "./http/pairing-routes.ts";
import { addPushRoutes } from "./http/push-routes.ts";
import { createHttpServer } from "./http/server.ts";
import { addSessionRoutes } from "./http/session-routes.ts";
import { addTelemetryRoutes } from "./http/telemetry-routes.ts";
import { addTokenRoutes } from "./http/token-routes.ts";
import { addTrust } from "./http/trust.ts";
import { addUploadRoutes } from "./http/upload-routes.ts";
import { addWeb } from "./http/web.ts";
import { createPlaces } from "./limits.ts";
import { createLoad, type Load } from "./load.ts";
import { makeSecure } from "./secure.ts";
import { openSocketDoor, type SocketDoor } from "./socket/upgrade.ts";
import type { StorageState } from "./storage-state.ts";

/** Both doors of the server: WebSocket and REST. */
export interface Gateway {
  /** Where it listens. */
  readonly address: { host: string; port: number };
  readonly connections: number;
  /** Tells clients (1001), ends requests, frees the port. */
  close(): Promise<void>;
}

/** What the doors lead to. */
export interface GatewayHouse {
  handlers: Handlers;
  act: ActOnNotification;
  attention: Attention;
  sessions: Sessions;
  uploads: Uploads;
  hub: Hub;
  positions: Positions;
  log: EventLog;
  records: Records;
  storage: StorageState;
  auth: Auth;
  pairing: Pairing;
  origins: OriginPolicy;
  report: Report;
  telemetry: Telemetry;
  series: Series;
  agentUsages: Pick<AgentUsages, "current">;
  push: Pick<Push, "troubles">;
  disk: Disk;
  clock: Clock;
}

/** Limits that clients meet. */
export interface GatewayLimits {
  frameBytesMax: number;
  commandsPerSecond: number;
  connectionsMax: number;
  connectionsPerAddress: number;
  sessionsMax: number;
  heartbeatMs: number;
  stalledMs: number;
}

/** Clients that come back at once, before the first of them has been taken: refused by the system beyond that. */
const stormConnections = 4_096;
const loadLimits = { commandsMax: 10_000, bufferedBytesMax: 256 * 1024 * 1024 };

/** Both doors count the commands that they let in. */
function under(load: Load, handlers: Handlers): Handlers {
  const counted = Object.entries(handlers).map(([type, handler]) => [
    type,
    (who: never, what: never) => load.run(() => (handler as (a: never, b: never) => Promise<object>)(who, what)),
  ]);
  return Object.fromEntries(counted);
}

/**
 * Opens both doors on one port.
 * @throws the system's error when the port cannot be had
 */
export async function openGateway(options: {
  house: GatewayHouse;
  host: string;
  port: number;
  version: string;
  limits: GatewayLimits;
  /** With it https is spoken, too. */
  certificate: Certificate | undefined;
}): Promise<Gateway> {
  const { house, version, limits, certificate } = options;
  let closing = false;
  let door: SocketDoor | undefined;
  const load = createLoad({ ...loadLimits, clock: house.clock });
  const handlers = under(load, house.handlers);
  const app = await createHttpServer({ ...house, version, limits, certificate });
  const stopRenewing = certificate && makeSecure(app.server, certificate);
  if (certificate?.authority) addTrust(app as unknown as FastifyInstance, certificate.authority);
  addHealthRoutes(app, { ...house, version, isClosing: () => closing });
  addTokenRoutes(app, house.auth);
  addTelemetryRoutes(app, { ...house, connection: (user, clientId) => door?.reading(user, clientId) });
  addSessionRoutes(app, house);
  await addUploadRoutes(app, house.uploads);
  addCommandRoutes(app, handlers);
  addPushRoutes(app, house.act);
  addPairingRoutes(app, house.pairing);
  await addWeb(app);
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  const asyncApi = asyncApiDocument({ version });
  app.get("/asyncapi.json", { schema: { hide: true } }, async () => asyncApi);
  await app.ready();
  const places = createPlaces({ total: limits.connectionsMax, perAddress: limits.connectionsPerAddress });
  const opened = openSocketDoor({
    server: app.server,
    onlyPrivate: certificate !== undefined,
    house: { ...house, handlers },
    places,
    load,
    version,
    limits,
  });
  door = opened;
  try {
    await app.listen({ host: options.host, port: options.port, backlog: stormConnections });
  } catch (error) {
    await opened.close();
    await app.close();
    throw error;
  }
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : options.port;
  return {
    address: { host: options.host, port },
    get connections() {
      return opened.connections;
    },
    async close() {
      closing = true;
      stopRenewing?.();
      await opened.close();
      await app.close();
    },
  };
}
