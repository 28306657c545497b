import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import {
  type AgentHosts,
  type AgentProvider,
  agentEnvironment,
  createAgentHosts,
  createClaudeProvider,
  watchAgentUsage,
} from "./agents/index.ts";
import { createAuth, createOriginPolicy, createPairing, ownerUser, type Pairing } from "./auth/index.ts";
import {
  type Certificate,
  certificateOfAuthority,
  certificateOfFiles,
  machineNames,
  openAuthority,
} from "./certificates/index.ts";
import { type Clock, createClockTrust, every, systemClock } from "./clock.ts";
import { createHandlers, createPushActions } from "./commands/index.ts";
import { type Config, isLoopback } from "./config.ts";
import { createHub, createPositions } from "./delivery/index.ts";
import { announce, fingerprintOf, type Gateway, openGateway } from "./gateway/index.ts";
import { createRetention } from "./log/index.ts";
import { notifiersOf } from "./notifiers.ts";
import { createDirectories, createFiles, createGit, createGitRunner } from "./projects/index.ts";
import { createAttention, createPush, vapidKeysOf } from "./push/index.ts";
import { createSchedules } from "./schedules/index.ts";
import { createSessions } from "./sessions/index.ts";
import { openSqliteStorage } from "./storage/index.ts";
import { createTelemetry, type Report, watchDisk } from "./telemetry/index.ts";
import { createUploads } from "./uploads/index.ts";
import { readVersion } from "./version.ts";

const housekeepingMs = 10 * 60_000;
const dayMs = 86_400_000;
const megabyte = 1_048_576;

/** A running server. */
export interface Companion extends AsyncDisposable {
  /** Where programs of this machine reach it, without a token. */
  readonly url: string;
  /** Where devices reach it. */
  readonly deviceUrl: string;
  /** Where a device is shown how to trust this machine's own authority, and what to compare; undefined: it need not. */
  readonly trust: { url: string; fingerprint: string; isNew: boolean } | undefined;
  /** A code that makes one device the owner's. */
  beginPairing(): ReturnType<Pairing["begin"]>;
  /** AUTH_TOKEN, or the token made for this run. */
  readonly token: string;
  readonly tokenWasMade: boolean;
  readonly report: Report;
  readonly connections: Gateway["connections"];
  /** What is wrong with the storage, for people. */
  readonly storageTrouble: string | undefined;
  /** Ends in order: clients told, agents let go of (those at work go on), log flushed. Idempotent. */
  close(): Promise<void>;
}

/**
 * Puts the parts together and starts them. The only place that knows all rooms.
 * @param config from `readConfig`
 * @param parts what is not the house's own: the environment agents are given a choice of, and, for tests, agents and a clock
 * @throws CompanionError with what to do; what was opened is closed again
 */
export async function createCompanion(
  config: Config,
  parts: {
    environment: Readonly<Record<string, string | undefined>>;
    providers?: readonly AgentProvider[];
    clock?: Clock;
    logTo?: { write(line: string): void };
    /** False: nothing is measured, to know what measuring costs. */
    measures?: boolean;
  },
): Promise<Companion> {
  const clock = parts.clock ?? systemClock;
  const token = config.AUTH_TOKEN ?? randomBytes(24).toString("base64url");
  await using opening = new AsyncDisposableStack();
  const telemetry = await createTelemetry({
    level: config.LOG_LEVEL,
    version: readVersion(),
    destination: parts.logTo,
    otlpUrl: config.OTLP_URL,
    measures: parts.measures ?? true,
    secrets: [token, ...secretsOf(parts.environment)],
    clock,
  });
  opening.defer(() => telemetry.close());
  const { report } = telemetry;

  const database = join(config.DATA_DIR, "companion.db");
  const storage = await openSqliteStorage({ path: database, now: clock.now, onCommitted: report.committed });
  opening.defer(() => storage.close());
  const { log, records } = storage;
  opening.defer(log.follow((events) => (report.traffic.eventsStored += events.length)));
  const disk = watchDisk({ database, clock });
  opening.defer(() => disk.close());
  await disk.look();
  const auth = await createAuth({ authToken: token, records, clock });
  const pairing = createPairing({ auth, clock });
  const certificate = await certificateOf(config, {
    clock,
    onChanged: report.certificateRenewed,
    onError: (error) => report.certificateFailed({ error }),
  });
  if (certificate) opening.defer(() => certificate.close());
  const directories = await createDirectories({ roots: config.PROJECT_ROOTS });
  const runGit = createGitRunner({ directories, environment: parts.environment });
  const hub = createHub({ log, clock });
  opening.defer(() => hub.close());
  const positions = createPositions({
    records,
    clock,
    onError: (error) => report.storageFailed({ operation: "save positions", error }),
  });
  opening.defer(() => positions.close());
  const hosts = hostsOf(config.DATA_DIR, parts.environment);
  const providers = parts.providers ?? [
    createClaudeProvider({
      cliPath: config.CLAUDE_CLI_PATH,
      environment: agentEnvironment(parts.environment, config.AGENT_ENV),
      hosts,
      allowBypass: config.ALLOW_BYPASS_PERMISSIONS,
      aloneMs: config.AGENTS_ALONE_HOURS * 3_600_000,
    }),
  ];
  for (const provider of providers) opening.defer(() => provider.close());
  // Asked now, so that the first client need not wait for the answer.
  for (const provider of providers) void provider.check();
  const uploads = await createUploads({
    directory: join(config.DATA_DIR, "uploads"),
    records,
    clock,
    limits: {
      bytesMaxEach: config.UPLOAD_MEGABYTES * megabyte,
      bytesMax: config.UPLOADS_MEGABYTES * megabyte,
      expireAfterMs: config.UPLOADS_EXPIRE_DAYS * dayMs,
    },
  });
  const sessions = await createSessions({
    log,
    records,
    hub,
    providers,
    directories,
    uploads,
    report,
    clock,
    limits: {
      sessionsPerUser: config.SESSIONS_MAX,
      hibernateAfterMs: config.HIBERNATE_AFTER_MINUTES * 60_000,
      permissionExpireAfterMs:
        config.PERMISSION_EXPIRE_MINUTES === undefined ? undefined : config.PERMISSION_EXPIRE_MINUTES * 60_000,
      silentAfterMs: config.AGENT_SILENT_MINUTES * 60_000,
      expireAfterMs: config.EXPIRE_AFTER_DAYS * dayMs,
      agentsMax: config.AGENTS_MAX,
      memoryBytesMin: config.MEMORY_MIN_MEGABYTES * megabyte,
    },
    budgets: {
      session: definedOf({ costUsd: config.BUDGET_SESSION_USD, turns: config.BUDGET_SESSION_TURNS }),
      day: definedOf({ costUsd: config.BUDGET_DAY_USD, turns: config.BUDGET_DAY_TURNS }),
    },
    continueAfterLimit: config.CONTINUE_AFTER_LIMIT,
    availableMemory: () => process.availableMemory(),
  });
  opening.defer(() => sessions.close());
  const schedules = await createSchedules({ sessions, records, uploads, report, clock });
  opening.defer(() => schedules.close());
  const attention = createAttention(clock);
  const vapidKeys = await vapidKeysOf(records.keys);
  const push = await createPush({
    log,
    records,
    positions,
    prompts: sessions.prompts,
    attention,
    notifiers: notifiersOf(config, { vapidKeys, clock }),
    vapidPublicKey: vapidKeys.publicKey,
    publicUrl: config.PUBLIC_URL,
    escalateMs: config.PUSH_ESCALATE_MINUTES === 0 ? undefined : config.PUSH_ESCALATE_MINUTES * 60_000,
    heldMs: config.PUSH_PAUSE_SECONDS * 1_000,
    report,
    clock,
    random: Math.random,
  });
  opening.defer(() => push.close());
  opening.defer(
    auth.onRevoked((tokenId) => {
      push.revoke(tokenId).catch((error: unknown) => report.storageFailed({ operation: "revoke push", error }));
    }),
  );
  const isClockTrusted = createClockTrust(clock, (byMs) => report.clockJumped({ byMs }));
  const retention = createRetention({
    log,
    sessions: sessions.ids,
    limits: { ageMs: config.RETENTION_DAYS * dayMs, bytesMax: config.RETENTION_MEGABYTES * megabyte, keepEvents: 1 },
    now: clock.now,
    schedule: (run) => every(clock, housekeepingMs, () => isClockTrusted() && run()),
    onExpired: (events) => report.eventsExpired({ events }),
    onError: (error) => report.storageFailed({ operation: "retention", error }),
  });
  opening.defer(() => retention.close());
  opening.defer(
    every(clock, housekeepingMs, () => {
      if (!isClockTrusted()) return;
      uploads.expire().catch((error: unknown) => report.storageFailed({ operation: "expire uploads", error }));
      push.expire().catch((error: unknown) => report.storageFailed({ operation: "expire notifications", error }));
      schedules.expire().catch((error: unknown) => report.storageFailed({ operation: "expire schedules", error }));
      sessions.expire().catch((error: unknown) => report.storageFailed({ operation: "expire sessions", error }));
    }),
  );
  const agentUsages = watchAgentUsage({
    hosts,
    isAnyRunning: () => parts.providers === undefined && sessions.agentsRunning > 0,
    clock,
  });
  opening.defer(() => agentUsages.close());
  const series = await telemetry.keep(storage.series);
  opening.defer(() => series.close());
  const gateway = await openGateway({
    house: {
      handlers: createHandlers({
        sessions,
        positions,
        log,
        records,
        search: storage.search,
        uploads,
        schedules,
        push,
        attention,
        directories,
        files: createFiles({ directories }),
        git: createGit({ directories, run: runGit }),
        runGit,
        allowNewProjects: config.ALLOW_NEW_PROJECTS,
      }),
      act: createPushActions({ push, sessions }),
      attention,
      sessions,
      uploads,
      hub,
      positions,
      log,
      records,
      storage,
      auth,
      pairing,
      origins: createOriginPolicy({ hosts: allowedHosts(config), origins: config.ALLOWED_ORIGINS }),
      report,
      telemetry,
      series,
      agentUsages,
      push,
      disk,
      clock,
    },
    host: config.HOST,
    port: config.PORT,
    version: readVersion(),
    certificate,
    limits: {
      frameBytesMax: config.FRAME_BYTES_MAX,
      commandsPerSecond: config.COMMANDS_PER_SECOND,
      connectionsMax: config.CONNECTIONS_MAX,
      connectionsPerAddress: config.CONNECTIONS_PER_ADDRESS,
      sessionsMax: config.SESSIONS_MAX,
      heartbeatMs: config.HEARTBEAT_SECONDS * 1_000,
      stalledMs: config.STALLED_SECONDS * 1_000,
    },
  }).catch((error: unknown) => {
    throw explainListen(error, config);
  });
  opening.defer(() => gateway.close());
  if (config.MDNS && !isLoopback(config.HOST))
    opening.defer(
      announce({
        port: gateway.address.port,
        host: machineNames().names.at(-1) ?? "",
        isSecure: certificate !== undefined,
        version: readVersion(),
        onError: (error) => report.announcementFailed({ error }),
      }),
    );
  const total = (field: "cpu" | "memoryBytes") => agentUsages.current.reduce((sum, usage) => sum + usage[field], 0);
  telemetry.observe({
    "companion.connections": () => gateway.connections,
    "companion.sessions": () => sessions.census().byStatus,
    "companion.agents": () => sessions.agentsRunning,
    "companion.agents.cpu.utilization": () => total("cpu"),
    "companion.agents.memory.usage": () => total("memoryBytes"),
    "companion.storage.queue": () => storage.waiting,
    "companion.disk.free": () => disk.freeBytes,
    "companion.database.size": () => disk.databaseBytes,
    "companion.push.providers.troubled": () => push.troubles.length,
  });

  const all = opening.move();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= all.disposeAsync();
    return closing;
  };
  const { port } = gateway.address;
  const isAnywhere = config.HOST === "0.0.0.0" || config.HOST === "::";
  const [atNetwork = "127.0.0.1"] = isAnywhere
    ? machineNames().addresses.filter((address) => !isLoopback(address))
    : [config.HOST];
  const scheme = certificate ? "https" : "http";
  return {
    url: addressOf("http", isAnywhere ? "127.0.0.1" : config.HOST, port),
    deviceUrl: config.PUBLIC_URL?.replace(/\/$/, "") ?? addressOf(scheme, atNetwork, port),
    trust:
      certificate?.authority === undefined
        ? undefined
        : {
            url: `${addressOf("http", atNetwork, port)}/trust`,
            fingerprint: fingerprintOf(certificate.authority),
            isNew: certificate.isAuthorityNew,
          },
    beginPairing: () => pairing.begin(ownerUser),
    token,
    tokenWasMade: config.AUTH_TOKEN === undefined,
    report,
    get connections() {
      return gateway.connections;
    },
    get storageTrouble() {
      return storage.trouble;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The names that devices use are allowed without being said twice. */
const allowedHosts = ({ ALLOWED_HOSTS, PUBLIC_URL }: Config): string[] => [
  ...ALLOWED_HOSTS,
  ...machineNames().names,
  ...(PUBLIC_URL === undefined ? [] : [new URL(PUBLIC_URL).hostname]),
];

const addressOf = (scheme: "http" | "https", host: string, port: number): string =>
  `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;

/** What the settings want the server to show; undefined: it speaks http. */
async function certificateOf(
  { TLS, TLS_CERT, TLS_KEY, DATA_DIR }: Config,
  rest: { clock: Clock; onChanged: (event: { validTo: string }) => void; onError: (error: unknown) => void },
): Promise<Certificate | undefined> {
  if (TLS_CERT !== undefined && TLS_KEY !== undefined)
    return certificateOfFiles({ cert: TLS_CERT, key: TLS_KEY, ...rest });
  if (TLS !== "local") return undefined;
  const authority = await openAuthority({ directory: join(DATA_DIR, "authority"), clock: rest.clock });
  return certificateOfAuthority({ authority, names: machineNames, ...rest });
}

/** Values of the environment that must not stand in the log, whoever writes them there. */
const secretsOf = (environment: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(environment).flatMap(([name, value]) =>
    value && /TOKEN|SECRET|PASSWORD|_KEY$/.test(name) ? [value] : [],
  );

/** Without what is not set. */
const definedOf = ({ costUsd, turns }: { costUsd: number | undefined; turns: number | undefined }) => ({
  ...(costUsd === undefined ? {} : { costUsd }),
  ...(turns === undefined ? {} : { turns }),
});

/** The processes that hold the agents of a data directory. */
export const hostsOf = (dataDirectory: string, environment: Readonly<Record<string, string | undefined>>): AgentHosts =>
  createAgentHosts({
    directory: join(dataDirectory, "agents"),
    owner: createHash("sha256").update(dataDirectory).digest("hex").slice(0, 16),
    version: readVersion(),
    environment,
  });

function explainListen(error: unknown, config: Config): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const where = `${config.HOST}:${config.PORT}`;
  if (code === "EADDRINUSE")
    return new CompanionError(
      "CONFLICT",
      `${where} is in use, perhaps by another companion server. Stop that, or choose another --port (0 picks a free one).`,
    );
  if (code === "EACCES")
    return new CompanionError("FORBIDDEN", `${where} may not be listened on by this user. Choose a --port above 1023.`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new CompanionError("INVALID_REQUEST", `HOST ${config.HOST} is no address of this machine.`);
  return error;
}
