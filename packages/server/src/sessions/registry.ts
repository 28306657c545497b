import { randomUUID } from "node:crypto";
import {
  type Actor,
  type AgentInfo,
  CompanionError,
  type PermissionMode,
  type PermissionRequest,
  type SessionSummary,
} from "@claude-companion/protocol";
import type { z } from "zod";
import type { AgentProvider, Conversation } from "../agents/index.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Hub } from "../delivery/index.ts";
import type { EventLog } from "../log/index.ts";
import type { Directories } from "../projects/index.ts";
import type { Records, SessionRecord } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import type { Uploads } from "../uploads/index.ts";
import { createAudit } from "./audit.ts";
import { createCrew } from "./crew.ts";
import type { Budgets } from "./gate.ts";
import type { HistoryItem } from "./history.ts";
import { refuseUnoffered } from "./offered.ts";
import { isOfAgent } from "./permissions.ts";
import { recoverSession } from "./recovery.ts";
import { conversationOf, createRemembered } from "./remembered.ts";
import { createRules, type Rules } from "./rules.ts";
import { createSession, type Session } from "./session.ts";
import { followTerminals } from "./terminals.ts";

const unloadAfterMs = 30_000;

type Summary = Omit<z.infer<typeof SessionSummary>, "unread">;

/** A change that lists show. */
export interface SessionChange {
  sessionId: string;
  user: string;
  change: "status" | "updated";
}

/** All sessions: made, found, woken, put to sleep. */
export interface Sessions {
  create(request: {
    user: string;
    /** Chosen by the client, so that asking again counts once. */
    sessionId: string | undefined;
    workingDirectory: string;
    agent: string | undefined;
    model: string | undefined;
    permissionMode: z.infer<typeof PermissionMode> | undefined;
    title: string | undefined;
    /** A conversation of the agent to go on with. */
    conversationId: string | undefined;
    reuse: boolean;
  }): Promise<{ session: Session; reused: boolean }>;
  /** @throws CompanionError `SESSION_NOT_FOUND`, also for a session of another user */
  get(user: string, sessionId: string): Promise<Session>;
  /** A user's sessions, those last used first. */
  list(user: string): Promise<Summary[]>;
  summary(session: Session): Summary;
  /** A session that has not ended, as it is known now. */
  peek(sessionId: string): Readonly<SessionRecord> | undefined;
  /** One of a user's sessions as a list shows it, without waking anything. */
  find(user: string, sessionId: string): Promise<Summary | undefined>;
  /** A device says whether it looks at a session. */
  setForeground(sessionId: string, deviceId: string, isForeground: boolean): void;
  /** A device is gone: it looks at nothing any more. */
  lookAway(deviceId: string): void;
  /** Ends a session and erases it: everything but what the agent itself remembers. */
  erase(user: string, sessionId: string): Promise<void>;
  /**
   * A new session with a copy of the conversation.
   * @throws CompanionError `CONFLICT`, `SESSION_LIMIT`
   */
  fork(
    user: string,
    sessionId: string,
    options: { upToMessageId: string | undefined; title: string | undefined },
  ): Promise<Session>;
  /** What the agents remember of conversations in the allowed directories, those last used first. */
  conversations(user: string): Promise<(Conversation & { agent: string; sessionId: string | undefined })[]>;
  /** A page of the whole conversation, back from `before`. */
  history(
    user: string,
    sessionId: string,
    from: { before: string | undefined; limit: number },
  ): Promise<{ items: HistoryItem[]; next: string | undefined }>;
  /** What changed in a turn, by the message that began it. @throws CompanionError `NOT_FOUND` */
  turnDiff(user: string, sessionId: string, messageId: string): Promise<{ files: string[]; diff: string }>;
  /**
   * The whole conversation as one text.
   * @throws CompanionError `PAYLOAD_TOO_LARGE`
   */
  export(user: string, sessionId: string, format: "markdown" | "json"): Promise<{ title: string; content: string }>;
  /** What waits for a user's answer, in all sessions. */
  prompts(user: string): Promise<{ sessionId: string; request: z.infer<typeof PermissionRequest> }[]>;
  readonly rules: Pick<Rules, "list">;
  /** Agents that run now. */
  readonly agentsRunning: number;
  /** Bytes of memory that are free, when agents have to wait for more; else undefined. */
  readonly memoryShort: number | undefined;
  /**
   * Takes a rule back at once, also from agents that run.
   * @throws CompanionError `NOT_FOUND`, `AGENT_FAILED`
   */
  revokeRule(user: string, ruleId: string, by: z.infer<typeof Actor>): Promise<void>;
  agents(): Promise<z.infer<typeof AgentInfo>[]>;
  /** Calls back after each change. @returns stops it */
  watch(listener: (change: SessionChange) => void): () => void;
  /** How many sessions that have not ended are in which state, and kept from going on by what. */
  census(): { byStatus: Record<string, number>; byObstacle: Record<string, number> };
  /** Ids of all sessions, ended ones too. */
  ids(): Promise<string[]>;
  /** Ends sessions that nobody used for long. */
  expire(): Promise<void>;
  /** Ends all agents, keeps all sessions. */
  close(): Promise<void>;
}

/** What the registry needs of the house. */
export interface SessionsOptions {
  log: EventLog;
  records: Records;
  hub: Hub;
  providers: readonly AgentProvider[];
  directories: Directories;
  uploads: Uploads;
  report: Report;
  clock: Clock;
  limits: {
    sessionsPerUser: number;
    hibernateAfterMs: number;
    silentAfterMs: number;
    expireAfterMs: number;
    permissionExpireAfterMs: number | undefined;
    agentsMax: number;
    memoryBytesMin: number;
  };
  budgets: Budgets;
  /** Whether new sessions go on by themselves after a usage limit. */
  continueAfterLimit: boolean;
  /** Bytes of memory that are free now. */
  availableMemory: () => number;
}

/** Opens the registry: every session that was left in mid-air is brought to the state that is true. */
export async function createSessions(options: SessionsOptions): Promise<Sessions> {
  const { log, records, hub, directories, uploads, report, clock, limits } = options;
  const providers = new Map(options.providers.map((provider) => [provider.id, provider]));
  const defaultProvider = options.providers[0];
  /** Sessions that have not ended, by id. Small: sleeping ones are nothing but this. */
  const known = new Map<string, SessionRecord>();
  const loaded = new Map<string, Promise<Session>>();
  const foreground = new Map<string, Set<string>>();
  const unloads = new Map<string, () => void>();
  const watchers = new Set<(change: SessionChange) => void>();
  const creating = new Map<string, Promise<unknown>>();
  /** Sessions whose agent outlived the last server, and is not attached yet. */
  const survivors = new Set<string>();
  const audit = createAudit({ clock });
  const rules = createRules({ records, audit });
  const stopFollowing = followTerminals({ sessions: () => known.values(), open, providers, log, clock, report });
  const crew = createCrew({ ...limits, availableMemory: options.availableMemory, clock });
  const remembered = createRemembered({ log, providers, directories });
  let closed = false;

  async function load(record: SessionRecord, isNew: boolean): Promise<Session> {
    const provider = providers.get(record.agent);
    if (provider === undefined)
      throw new CompanionError("AGENT_UNAVAILABLE", `This server has no agent ${record.agent}.`);
    const { sessionId } = record;
    const writer = await log.writer(sessionId);
    const [head, messages, given] = isNew
      ? [undefined, [], []]
      : await Promise.all([log.head(sessionId), records.messages.list(sessionId), rules.ofSession(record)]);
    // An agent that survived may still ask; a budget asks while messages wait. Else nothing does, however much was asked.
    const mayAsk = survivors.has(sessionId) || messages.length > 0;
    const asked = mayAsk ? await records.permissions.list(sessionId) : [];
    const session = createSession({
      record,
      isNew,
      writer,
      lastSeq: head?.lastSeq ?? 0,
      messages,
      permissions: asked.filter(
        ({ request, outcome, answer, applied }) =>
          (survivors.has(sessionId) || !isOfAgent(request)) && (outcome === undefined || (answer && !applied)),
      ),
      rules: given,
      provider,
      hub,
      records,
      audit,
      crew,
      budgets: options.budgets,
      uploads,
      furtherDirectories: [await uploads.directoryOf(record.user)],
      report,
      clock,
      hibernateAfterMs: limits.hibernateAfterMs,
      silentAfterMs: limits.silentAfterMs,
      permissionExpireAfterMs: limits.permissionExpireAfterMs,
      onChange(change) {
        // Told after the caller has finished its own change, so that a listener sees the whole of it.
        queueMicrotask(() => {
          note(session);
          for (const watcher of watchers) watcher({ sessionId, user: record.user, change });
        });
      },
    });
    if (survivors.delete(sessionId)) await session.attach();
    // Accepted, and then nobody was there to hand it over.
    else if (session.queuedMessages > 0) session.deliver();
    return session;
  }
  function note(session: Session): void {
    const { sessionId } = session.record;
    if (session.record.status === "ended") known.delete(sessionId);
    else known.set(sessionId, session.record);
    if (session.isDormant) scheduleUnload(sessionId);
  }
  /** Not at once: whoever has just got the session is about to use it. */
  function scheduleUnload(sessionId: string): void {
    unloads.get(sessionId)?.();
    if (closed) return;
    const cancel = clock.after(unloadAfterMs, () => {
      unloads.delete(sessionId);
      void unload(sessionId);
    });
    unloads.set(sessionId, cancel);
  }
  /** A sleeping session is a record and nothing else. */
  async function unload(sessionId: string): Promise<void> {
    const loading = loaded.get(sessionId);
    const session = await loading;
    if (session === undefined || !session.isDormant || loaded.get(sessionId) !== loading) return;
    loaded.delete(sessionId);
    await session.close("");
  }
  function open(record: SessionRecord, isNew = false): Promise<Session> {
    const { sessionId } = record;
    scheduleUnload(sessionId);
    const already = loaded.get(sessionId);
    if (already !== undefined) return already;
    const session = load(record, isNew);
    loaded.set(sessionId, session);
    session.catch(() => loaded.delete(sessionId));
    return session;
  }
  async function find(sessionId: string): Promise<SessionRecord | undefined> {
    return known.get(sessionId) ?? (await records.sessions.find(sessionId));
  }
  function activeOf(user: string): SessionRecord[] {
    return [...known.values()].filter((record) => record.user === user && record.status !== "ended");
  }
  function providerFor(agent: string | undefined): AgentProvider {
    const provider = agent === undefined ? defaultProvider : providers.get(agent);
    if (provider) return provider;
    throw new CompanionError(
      "AGENT_UNAVAILABLE",
      `There is no agent ${agent}. Choose one of: ${[...providers.keys()].join(", ")}.`,
    );
  }
  function summaryOf(record: SessionRecord, live: { lastSeq: number; session: Session | undefined }): Summary {
    const { obstacle } = record;
    return {
      sessionId: record.sessionId,
      agent: record.agent,
      workingDirectory: record.workingDirectory,
      title: record.title,
      status: record.status,
      statusReason: record.statusReason,
      model: record.model,
      effort: record.effort,
      permissionMode: record.permissionMode,
      archived: record.archived ?? false,
      tags: [...(record.tags ?? [])],
      conversationStarted: record.conversationStarted,
      backgrounded: (foreground.get(record.sessionId)?.size ?? 0) === 0,
      createdAt: isoTime(record.createdAt),
      lastActivityAt: isoTime(record.lastActivityAt),
      lastSeq: live.lastSeq,
      pendingPermissions: [...(live.session?.pendingPermissions ?? [])],
      queuedMessages: live.session?.queuedMessages ?? 0,
      // What is over by itself need not be told to be over.
      obstacle:
        obstacle?.until !== undefined && Date.parse(obstacle.until) <= clock.now()
          ? undefined
          : (obstacle ?? undefined),
      budget: record.budget ?? undefined,
      continueAfterLimit: record.continueAfterLimit ?? false,
    };
  }

  async function summarise(record: SessionRecord): Promise<Summary> {
    const session = await loaded.get(record.sessionId);
    const lastSeq = session?.lastSeq ?? (await log.head(record.sessionId))?.lastSeq ?? 0;
    return summaryOf(session?.record ?? record, { lastSeq, session });
  }

  const sessions: Sessions = {
    async create(request) {
      const { user } = request;
      const provider = providerFor(request.agent);
      const workingDirectory = await directories.resolve(request.workingDirectory);
      const mode = request.permissionMode ?? "default";
      refuseUnoffered(provider, { permissionMode: mode });
      const recalled =
        request.conversationId === undefined
          ? undefined
          : await remembered.recall(provider, request.conversationId, workingDirectory);
      // One after the other for a user: of two requests for the same directory at once the second finds the first's.
      const before = creating.get(user) ?? Promise.resolve();
      const mine = before
        .catch(() => {})
        .then(async () => {
          const asked = request.sessionId === undefined ? undefined : await find(request.sessionId);
          if (asked?.user === user) return { session: await open(asked), reused: true };
          if (asked) throw new CompanionError("CONFLICT", "This session id is taken. Choose another UUID.");
          const active = activeOf(user);
          const { conversationId } = request;
          const adopted = conversationId && active.find((record) => conversationOf(record) === conversationId);
          if (adopted) return { session: await open(adopted), reused: true };
          const same = active
            .filter((record) => record.workingDirectory === workingDirectory && record.agent === provider.id)
            .sort((a, b) => b.lastActivityAt - a.lastActivityAt)[0];
          if (request.reuse && same && conversationId === undefined) {
            report.sessionCreated({ sessionId: same.sessionId, agent: provider.id, reused: true });
            return { session: await open(same), reused: true };
          }
          if (active.length >= limits.sessionsPerUser) {
            throw new CompanionError(
              "SESSION_LIMIT",
              `You have ${active.length} sessions, and no more are allowed. End one that you no longer need.`,
            );
          }
          const now = clock.now();
          const record: SessionRecord = {
            sessionId: request.sessionId ?? randomUUID(),
            archived: false,
            tags: [],
            user,
            workingDirectory,
            agent: provider.id,
            title: request.title ?? recalled?.title ?? "",
            model: request.model,
            effort: undefined,
            permissionMode: mode,
            conversationId,
            conversationStarted: conversationId !== undefined,
            followedFrom: recalled?.events,
            todos: undefined,
            obstacle: undefined,
            budget: undefined,
            granted: undefined,
            continueAfterLimit: options.continueAfterLimit,
            status: "hibernated",
            statusReason: "new",
            createdAt: now,
            lastActivityAt: now,
          };
          const session = await open(record, true);
          await records.sessions.save(record);
          known.set(record.sessionId, record);
          report.sessionCreated({ sessionId: record.sessionId, agent: provider.id, reused: false });
          for (const watcher of watchers) watcher({ sessionId: record.sessionId, user, change: "updated" });
          return { session, reused: false };
        });
      creating.set(user, mine);
      return mine.finally(() => creating.get(user) === mine && creating.delete(user));
    },

    async get(user, sessionId) {
      const record = await find(sessionId);
      if (record === undefined || record.user !== user) {
        throw new CompanionError(
          "SESSION_NOT_FOUND",
          `There is no session ${sessionId}. List yours with GET /api/sessions.`,
        );
      }
      return open(record);
    },

    async list(user) {
      // Those of one moment in a fixed order, so that pages fit each other.
      const own = activeOf(user).sort(
        (a, b) => b.lastActivityAt - a.lastActivityAt || (a.sessionId < b.sessionId ? 1 : -1),
      );
      return Promise.all(own.map(summarise));
    },
    async find(user, sessionId) {
      const record = await find(sessionId);
      return record?.user === user ? summarise(record) : undefined;
    },
    peek: (sessionId) => known.get(sessionId),
    summary: (session) => summaryOf(session.record, { lastSeq: session.lastSeq, session }),

    setForeground(sessionId, deviceId, isForeground) {
      const devices = foreground.get(sessionId) ?? new Set();
      if (isForeground) foreground.set(sessionId, devices.add(deviceId));
      else if (devices.delete(deviceId) && devices.size === 0) foreground.delete(sessionId);
      const record = known.get(sessionId);
      if (record) for (const watcher of watchers) watcher({ sessionId, user: record.user, change: "updated" });
    },

    lookAway(deviceId) {
      for (const [sessionId, devices] of foreground)
        if (devices.has(deviceId)) sessions.setForeground(sessionId, deviceId, false);
    },

    async erase(user, sessionId) {
      const session = await sessions.get(user, sessionId);
      await session.end("deleted");
      unloads.get(sessionId)?.();
      unloads.delete(sessionId);
      loaded.delete(sessionId);
      await session.close("deleted");
      await log.erase(sessionId);
      hub.forget(sessionId);
      const [asked, open, positions, given, scheduled] = await Promise.all([
        records.permissions.list(sessionId),
        records.messages.list(sessionId),
        records.positions.list(),
        rules.ofSession(session.record),
        records.schedules.list(user),
      ]);
      for (const { permissionId } of asked) await records.permissions.remove(`${sessionId}/${permissionId}`);
      for (const { messageId } of open) await records.messages.remove(messageId);
      for (const { ruleId } of given) await records.rules.remove(ruleId);
      for (const { scheduleId, sessionId: of } of scheduled)
        if (of === sessionId) await records.schedules.remove(scheduleId);
      for (const { deviceId, sessionId: of } of positions)
        if (of === sessionId) await records.positions.remove(`${deviceId}/${sessionId}`);
      // The record last: whatever ends us before, it can be erased again.
      await records.sessions.remove(sessionId);
      known.delete(sessionId);
    },
    async fork(user, sessionId, { upToMessageId, title }) {
      const { record } = await sessions.get(user, sessionId);
      const conversations = providers.get(record.agent)?.conversations;
      const conversationId = conversationOf(record);
      if (conversations === undefined || conversationId === undefined)
        throw new CompanionError("CONFLICT", "There is no conversation to fork yet. Send a message first.");
      const name = title ?? `${record.title} (fork)`;
      const forked = await conversations.fork(conversationId, { upToMessageId, title: name });
      const { session } = await sessions.create({
        ...record,
        sessionId: undefined,
        permissionMode: record.permissionMode === "bypassPermissions" ? "default" : record.permissionMode,
        title: name,
        conversationId: forked,
        reuse: false,
      });
      return session;
    },
    async conversations(user) {
      const mine = new Map(activeOf(user).map((record) => [conversationOf(record), record.sessionId]));
      const all = await remembered.list();
      return all.map((conversation) => ({ ...conversation, sessionId: mine.get(conversation.conversationId) }));
    },
    history: async (user, sessionId, from) => remembered.history((await sessions.get(user, sessionId)).record, from),
    turnDiff: async (user, sessionId, messageId) =>
      remembered.turnDiff((await sessions.get(user, sessionId)).record, messageId),
    async export(user, sessionId, format) {
      const { record } = await sessions.get(user, sessionId);
      return { title: record.title, content: await remembered.export(record, format) };
    },

    async prompts(user) {
      // Who asks is awake; who is just waking may have something to ask.
      const awake = await Promise.allSettled([...loaded.values()]);
      const own = awake.flatMap((one) =>
        one.status === "fulfilled" && one.value.record.user === user ? [one.value] : [],
      );
      return own.flatMap(({ record, pendingPermissions }) =>
        pendingPermissions.map((request) => ({ sessionId: record.sessionId, request })),
      );
    },
    rules,
    get agentsRunning() {
      return crew.size;
    },
    get memoryShort() {
      return crew.memoryShort;
    },
    async revokeRule(user, ruleId, by) {
      const rule = await rules.revoke(user, ruleId, by);
      if (rule.scope === "session") {
        const session = await loaded.get(rule.sessionId);
        await session?.dropRule(ruleId);
      } else await providers.get(rule.agent)?.revokeRule(rule);
    },

    agents: () =>
      Promise.all(
        options.providers.map(async ({ id, name, capabilities, check }) => {
          const found = await check.call(providers.get(id));
          const { version, available } = found;
          return {
            id,
            name,
            version,
            available,
            capabilities,
            ...(found.available ? { warning: found.warning } : { reason: found.reason }),
          };
        }),
      ),

    watch(listener) {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },

    census() {
      const byStatus: Record<string, number> = {};
      const byObstacle: Record<string, number> = {};
      for (const { status, obstacle } of known.values()) {
        byStatus[status] = (byStatus[status] ?? 0) + 1;
        if (obstacle) byObstacle[obstacle.kind] = (byObstacle[obstacle.kind] ?? 0) + 1;
      }
      return { byStatus, byObstacle };
    },
    ids: async () => (await records.sessions.list()).map((record) => record.sessionId),

    async expire() {
      const before = clock.now() - limits.expireAfterMs;
      for (const record of [...known.values()]) {
        if (record.status === "ended" || record.lastActivityAt >= before) continue;
        const session = await open(record);
        if (session.record.lastActivityAt >= before) continue;
        await session.end("expired");
        report.sessionExpired({ sessionId: record.sessionId });
      }
    },

    async close() {
      closed = true;
      for (const cancel of unloads.values()) cancel();
      crew.close();
      stopFollowing();
      await Promise.allSettled(creating.values());
      const open = await Promise.allSettled(loaded.values());
      await Promise.allSettled(
        open.map((result) => (result.status === "fulfilled" ? result.value.close("serverStopped") : undefined)),
      );
      loaded.clear();
    },
  };

  const left = (await records.sessions.list()).filter((record) => record.status !== "ended");
  for (const provider of options.providers) {
    const own = left.filter((record) => record.agent === provider.id);
    const wanted = own.map(
      ({ sessionId, status }) => [sessionId, { atRest: status === "hibernated" || status === "failed" }] as const,
    );
    for (const sessionId of await provider.survivors(new Map(wanted))) survivors.add(sessionId);
  }
  for (const record of left) {
    if (survivors.has(record.sessionId)) {
      known.set(record.sessionId, record);
      await open(record);
      continue;
    }
    const recovered = await recoverSession({ record, log, records, clock, provider: providers.get(record.agent) });
    known.set(record.sessionId, recovered.record);
    if (recovered.hasQueued) await open(recovered.record);
  }
  return sessions;
}
