import {
  type Actor,
  CompanionError,
  type DurableData,
  type DurableEvent,
  type PermissionAnswer,
  type PermissionOutcome,
  type PermissionRequest,
} from "@claude-companion/protocol";
import type { z } from "zod";
import type { Agent, AgentProvider, Configuration, PastEvent } from "../agents/index.ts";
import { atMost, type Clock } from "../clock.ts";
import type { Hub } from "../delivery/index.ts";
import type { Commit, LogWriter, RecordWrite } from "../log/index.ts";
import { messageOf } from "../message-of.ts";
import type { MessageRecord, PermissionRecord, Records, RuleRecord, SessionRecord } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import type { Uploads } from "../uploads/index.ts";
import { createAttachments } from "./attachments.ts";
import type { Audit } from "./audit.ts";
import { errorEvent, nothing, noticeEvent, silenceNotice, titleOf, together } from "./commits.ts";
import { createCondition } from "./condition.ts";
import type { Crew, Member } from "./crew.ts";
import { type Budgets, createGate } from "./gate.ts";
import { createHandOver } from "./hand-over.ts";
import { createHearing } from "./hearing.ts";
import { createJournal } from "./journal.ts";
import { createMessages, type NewMessage } from "./messages.ts";
import { refuseUnoffered } from "./offered.ts";
import { createPermissions, isOfAgent } from "./permissions.ts";
import { createSeat } from "./seat.ts";
import { hasAgent, type SessionState } from "./state.ts";
import { createWatchdog } from "./watchdog.ts";

const closeMs = 6_000;
const answerMs = 10_000;
const shortageText = {
  crowd:
    "As many agents run as may (AGENTS_MAX), and all are at work. This session goes on when one of them is done; end one to have it sooner.",
  memory:
    "The machine has too little free memory for another agent (MEMORY_MIN_MEGABYTES). This session goes on when there is room; end another one to have it sooner.",
};

/** A session that is in use: its agent, what waits, and the one who may write its log. */
export interface Session {
  readonly record: Readonly<SessionRecord>;
  readonly state: SessionState;
  readonly lastSeq: number;
  readonly pendingPermissions: readonly z.infer<typeof PermissionRequest>[];
  readonly queuedMessages: number;
  /** True when nothing would be lost by forgetting this object: asleep, nothing waits. */
  readonly isDormant: boolean;
  /** Accepts a message durably; the agent is woken for it. */
  send(message: NewMessage): Promise<{ seq: number }>;
  /** What waits for the agent and can still be moved or taken back. */
  readonly queue: readonly MessageRecord[];
  /** @throws CompanionError `CONFLICT` when it does not wait (any more) */
  withdraw(messageId: string): Promise<void>;
  /** Puts a message before another, or at the end. @returns the row @throws CompanionError `CONFLICT` */
  move(messageId: string, before: string | undefined): Promise<string[]>;
  respond(
    permissionId: string,
    answer: z.infer<typeof PermissionAnswer>,
    by: z.infer<typeof Actor>,
  ): Promise<z.infer<typeof PermissionOutcome>>;
  /** @returns whether there was something to interrupt */
  interrupt(): Promise<boolean>;
  configure(change: Configuration, by: z.infer<typeof Actor>): Promise<void>;
  /** Changes what people call it and where they keep it. */
  describe(
    change: Pick<DurableData<"sessionUpdated">, "title" | "archived" | "tags" | "budget" | "continueAfterLimit">,
  ): Promise<void>;
  /**
   * Asks the agent something that it answers at once; one that sleeps is woken.
   * @throws CompanionError `AGENT_UNAVAILABLE`, `AGENT_FAILED`
   */
  consult<T>(ask: (agent: Agent) => Promise<T>): Promise<T>;
  /** Something that happened to the session besides the agent, stored together with records. @throws CompanionError `SESSION_ENDED` */
  note(event: DurableEvent, writes: readonly RecordWrite[]): Promise<void>;
  /** What was said in the conversation elsewhere; what is known already counts once. */
  tellPast(events: readonly PastEvent[]): void;
  /** The process of a terminal that has the conversation now. Undefined: none, what waits may go. */
  terminal(process: number | undefined): void;
  /** A rule of this session was taken back. */
  dropRule(ruleId: string): Promise<void>;
  /** Hands over what waits from before, if anything does. */
  deliver(): void;
  /** Ends the agent, however it hangs; the next one goes on with the conversation. @returns whether there was one */
  restartAgent(): Promise<boolean>;
  /** Goes on with the agent that an earlier server left. */
  attach(): Promise<void>;
  /** Ends the agent, keeps the session. */
  sleep(reason: string | undefined): Promise<void>;
  /** Ends the session for good. */
  end(reason: string): Promise<void>;
  /** Puts it to sleep, or leaves its agent at work for the next server, and lets go of its log. */
  close(reason: string): Promise<void>;
}

/** What a session needs of the house. */
export interface SessionOptions {
  record: SessionRecord;
  /** Just made, by a person. */
  isNew: boolean;
  writer: LogWriter;
  lastSeq: number;
  /** Messages that the agent had not finished with. */
  messages: readonly MessageRecord[];
  /** Rules that people gave for this session alone. */
  rules: readonly RuleRecord[];
  /** What the agent that an earlier server left had asked and, as far as we know, not been told. */
  permissions: readonly PermissionRecord[];
  provider: AgentProvider;
  hub: Pick<Hub, "stream" | "abandon">;
  records: Pick<Records, "sessions" | "permissions" | "messages" | "rules" | "turns" | "audit">;
  audit: Audit;
  crew: Crew;
  budgets: Budgets;
  uploads: Pick<Uploads, "attach" | "read">;
  /** What its agents may read besides the working directory. */
  furtherDirectories: readonly string[];
  report: Report;
  clock: Clock;
  /** An agent that was idle for this long is ended; the session goes on with the next message. */
  hibernateAfterMs: number;
  /** What nobody answers in this time is denied; undefined: it waits. */
  permissionExpireAfterMs: number | undefined;
  /** A turn without a word for this long is told. */
  silentAfterMs: number;
  /** Something that lists show has changed. */
  onChange: (change: "status" | "updated") => void;
}

/** Makes a session that has no agent yet. */
export function createSession(options: SessionOptions): Session {
  const { provider, hub, records, report, clock, audit, uploads, crew } = options;
  const { sessionId, user } = options.record;
  let rules = [...options.rules];
  /** A person has said so to this server, and the agent is still the one it was said of. */
  let bypassConfirmed = options.isNew;
  let sleepReason: string | undefined;
  let cancelSleep: (() => void) | undefined;
  /** Monotonic ms. */
  let idleSince: number | undefined;
  /** People who ask the agent something, and do not wait until there is room for it. */
  const consulting = new Set<(why: CompanionError) => void>();
  /** Messages that are being stored. */
  let accepting = 0;
  let closed = false;

  const journal = createJournal({
    sessionId,
    writer: options.writer,
    hub,
    clock,
    lastSeq: options.lastSeq,
    onStorageFailed: (error) => report.storageFailed({ operation: `append to ${sessionId}`, error }),
  });
  const condition = createCondition({
    record: options.record,
    records,
    report,
    clock,
    onMoved: scheduleSleep,
    onChange: options.onChange,
  });
  const { become } = condition;
  const attached = createAttachments({ user, uploads });
  const messages = createMessages({ sessionId, records, clock, open: options.messages });
  const permissions = createPermissions({
    session: () => condition.record,
    records,
    audit,
    journal,
    clock,
    open: options.permissions,
    expireAfterMs: options.permissionExpireAfterMs,
    onExpired({ request, commit, answer }) {
      tell(commit);
      passOn(request, "expired", answer);
    },
    onResolved({ record: asked, outcome }) {
      const waitedMs = clock.now() - asked.requestedAt;
      report.permissionResolved({ sessionId, permissionId: asked.permissionId, decision: outcome.decision, waitedMs });
      options.onChange("updated");
    },
  });

  /** Nobody waits for it; what fails is tried again until the journal closes. */
  function tell(...commits: (Commit | undefined)[]): void {
    const commit = commits.length === 1 ? (commits[0] ?? nothing) : together(commits);
    if (commit.events.length > 0 || commit.records.length > 0) journal.record(commit);
  }

  /** An answer goes to whoever had asked. */
  function passOn(
    request: z.infer<typeof PermissionRequest>,
    decision: z.infer<typeof PermissionOutcome>["decision"],
    answer: z.infer<typeof PermissionAnswer>,
  ): void {
    if (isOfAgent(request)) seat.agent?.answer(request.permissionId, answer);
    else gate.answered(request, decision);
    tell(hearing.allAnswered());
  }

  function scheduleSleep(): void {
    stayAwake();
    if (condition.state.name !== "idle" || hearing.backgroundTasks > 0 || closed) return;
    idleSince = clock.monotonicMs();
    crew.rested();
    cancelSleep = clock.after(options.hibernateAfterMs, () => {
      // What is not finished keeps the agent awake.
      if (messages.open.length > 0 || handOver.isRunning) return scheduleSleep();
      void session.sleep(undefined);
    });
  }

  function stayAwake(): void {
    cancelSleep?.();
    cancelSleep = undefined;
    idleSince = undefined;
  }
  const member: Member = {
    sessionId,
    get idleSince() {
      return messages.open.length > 0 || handOver.isRunning ? undefined : idleSince;
    },
    sleep: () => session.sleep(undefined),
  };
  const seat = createSeat({
    provider,
    journal,
    place: {
      async take(signal) {
        await crew.join(member, {
          signal,
          onWait(why) {
            const text = shortageText[why];
            tell(condition.obstruct({ kind: why, text }));
            for (const refuse of consulting) refuse(new CompanionError("OVERLOADED", text));
          },
        });
        tell(condition.clear("crowd", "memory"));
      },
      keep: () => crew.add(member),
      free: () => crew.leave(member),
    },
    openOptions,
    clock,
    onOpened: ({ durationMs, failure }) =>
      report.agentStarted({
        sessionId,
        agent: provider.id,
        resumed: condition.record.conversationStarted,
        durationMs,
        failure,
      }),
    onOpening: () => tell(become({ type: "opening" }), withoutBypass()),
    onFailed: (failure) => tell(become({ type: "agentFailed", reason: failure.message }), errorEvent(failure)),
    onSeated() {
      hearing.begin();
      handOver.begin();
      watchdog.start();
    },
    onHeard: (event) => watchdog.heard(event),
    onEvent: (event, source) => hearing.heed(event, source),
  });
  const watchdog = createWatchdog({
    clock,
    silentAfterMs: options.silentAfterMs,
    turnOf() {
      if (condition.state.name === "waiting") return "person";
      const isAtWork = condition.state.name === "running" || condition.state.name === "starting";
      return isAtWork || (condition.state.name === "idle" && handOver.unfinished.length > 0) ? "agent" : undefined;
    },
    inquire: () => answered(seat.agent?.inquire(), "say where it stands"),
    onSilent(silence) {
      report.agentSilent({ sessionId, ...silence });
      tell(silenceNotice(silence));
    },
  });
  const gate = createGate({
    ...{ condition, permissions, records, journal, clock, tell },
    budgets: options.budgets,
    onOpen: () => session.deliver(),
  });
  const handOver = createHandOver({
    messages,
    isOpen: () => gate.isOpen(),
    take: () => seat.take(),
    read: ({ content }) => uploads.read(user, content),
    onRest: scheduleSleep,
  });
  const hearing = createHearing({
    ...{ provider, condition, messages, permissions, handOver, journal, records, hub, report, clock, tell },
    isClosed: () => closed,
    sleepReason: () => sleepReason,
    deliver: () => session.deliver(),
    onRest: scheduleSleep,
    onChange: () => options.onChange("updated"),
    onEnded() {
      watchdog.stop();
      bypassConfirmed = false;
    },
  });
  function openOptions() {
    const { workingDirectory, model, effort, permissionMode, conversationId, todos = [] } = condition.record;
    const { furtherDirectories } = options;
    const started = { sessionId, workingDirectory, furtherDirectories, conversationId, todos, rules: rulesNow() };
    return { ...started, model, effort, permissionMode };
  }
  const rulesNow = () => rules.map(({ value }) => value);
  /** Never asking is never revived by itself: another agent needs a person to say so again. */
  function withoutBypass(): Commit {
    if (condition.record.permissionMode !== "bypassPermissions" || bypassConfirmed) return nothing;
    options.onChange("updated");
    const text = "The agent was started anew and asks again. Set bypassPermissions once more if it is still wanted.";
    return together([condition.announce({ permissionMode: "default" }), noticeEvent("notice", text)]);
  }

  const rulesRefused = (error: unknown) =>
    errorEvent(
      new CompanionError("AGENT_FAILED", `${provider.name} did not take the session's rules: ${messageOf(error)}.`),
    );
  const session: Session = {
    get record() {
      return condition.record;
    },
    get state() {
      return condition.state;
    },
    get lastSeq() {
      return journal.lastSeq;
    },
    get pendingPermissions() {
      return permissions.waiting;
    },
    get queuedMessages() {
      return messages.queued.length;
    },
    get isDormant() {
      return !hasAgent(condition.state) && seat.isEmpty && accepting === 0 && messages.queued.length === 0;
    },

    async send(message) {
      const content = await attached(message.content);
      refuseIfEnded();
      const busy =
        condition.state.name === "running" || condition.state.name === "waiting" || messages.queued.length > 0;
      const { messageId } = message;
      const accepted = messages.accept(
        { ...message, content, correlationId: report.correlationId() },
        busy && message.delivery === "queue",
      );
      const { record } = condition;
      const title = record.title === "" ? titleOf(content) : record.title;
      const titled: Commit["events"] =
        title === record.title
          ? []
          : [{ id: `title:${messageId}`, event: { type: "sessionUpdated", data: { title } } }];
      const updated = condition.write({ title, lastActivityAt: clock.now() });
      accepting += 1;
      const [stored] = await journal
        .commit({
          events: [...accepted.commit.events, ...titled],
          records: [...accepted.commit.records, ...updated.records],
        })
        .finally(() => (accepting -= 1));
      if (stored === undefined) throw new Error("a commit of one event gave no position");
      report.messageAccepted({ sessionId, messageId, repeated: !stored.isNew });
      if (stored.isNew) {
        messages.accepted(accepted.record);
        gate.renew();
        options.onChange("updated");
        session.deliver();
      }
      return { seq: stored.seq };
    },

    get queue() {
      return handOver.waiting;
    },
    withdraw: (messageId) => changeQueue(messageId, () => messages.withdraw(messageId)),
    async move(messageId, before) {
      await changeQueue(messageId, () => messages.move(messageId, before));
      return handOver.waiting.map((message) => message.messageId);
    },

    async respond(permissionId, answer, by) {
      const { request, outcome, answer: told, rules: given } = await permissions.resolve(permissionId, answer, by);
      const forSession = given.filter(({ scope }) => scope === "session");
      if (forSession.length > 0) {
        rules.push(...forSession);
        // On the same way before the answer; that the agent could not take them is told, and it is answered all the same.
        seat.agent?.setRules(rulesNow()).catch((error: unknown) => tell(rulesRefused(error)));
      }
      // Stored first, then handed to the agent; `permissionApplied` tells when it has taken it.
      passOn(request, outcome.decision, told);
      return outcome;
    },

    async interrupt() {
      refuseIfEnded();
      if (seat.agent === undefined || condition.state.name === "idle") return false;
      await answered(seat.agent.interrupt(), "be interrupted");
      return true;
    },

    async describe(change) {
      await journal.commit(condition.announce(change));
      options.onChange("updated");
      if (change.budget === undefined && change.continueAfterLimit === undefined) return;
      // There may be more room now.
      gate.renew();
      session.deliver();
    },

    async note(event, writes) {
      refuseIfEnded();
      await journal.commit({ events: [{ id: undefined, event }], records: [...writes] });
    },

    tellPast(events) {
      for (const { id, event } of events) tell({ events: [{ id, event }], records: [] });
    },
    terminal(process) {
      if (process === undefined) {
        tell(condition.clear("terminal"));
        return session.deliver();
      }
      const text = `This conversation is open in a terminal (process ${process}). It is followed here; what you send waits until it is closed there.`;
      // Our own, idle agent would not hear of what is said there.
      if (condition.state.name === "idle") void session.sleep("terminal");
      tell(condition.obstruct({ kind: "terminal", text }));
    },

    async consult(ask) {
      refuseIfEnded();
      const { obstacle } = condition.record;
      if (obstacle?.kind === "crowd" || obstacle?.kind === "memory")
        throw new CompanionError("OVERLOADED", obstacle.text);
      stayAwake();
      const refused = Promise.withResolvers<never>();
      consulting.add(refused.reject);
      try {
        const agent = await Promise.race([seat.take(), refused.promise]);
        return await answered(ask(agent), "answer");
      } finally {
        consulting.delete(refused.reject);
        // Woken without a message it says nothing of itself.
        if (condition.state.name === "starting" && handOver.unfinished.length === 0)
          tell(become({ type: "agentIdle" }));
        scheduleSleep();
      }
    },

    async dropRule(ruleId) {
      rules = rules.filter((rule) => rule.ruleId !== ruleId);
      await answered(seat.agent?.setRules(rulesNow()), "change its rules");
    },

    async configure(change, by) {
      refuseIfEnded();
      refuseUnoffered(provider, change);
      // The running agent first: what it refuses is not kept as if it were so.
      await answered(seat.agent?.configure(change), "change");
      const { permissionMode } = change;
      const announced = condition.announce(change);
      bypassConfirmed = condition.record.permissionMode === "bypassPermissions";
      const entry = { action: "permissionModeChanged" as const, title: `Mode ${permissionMode}`, by };
      const decided = permissionMode === undefined ? [] : [records.audit.write(audit(condition.record, entry))];
      await journal.commit({ ...announced, records: [...announced.records, ...decided] });
      options.onChange("updated");
    },

    deliver() {
      if (closed || condition.state.name === "ended") return;
      stayAwake();
      handOver.run();
    },

    async sleep(reason) {
      stayAwake();
      sleepReason = reason;
      await seat.vacate();
    },

    async restartAgent() {
      refuseIfEnded();
      if (seat.isEmpty) return false;
      await session.sleep("restarted");
      // What waits goes to the next one.
      if (messages.queued.length > 0) session.deliver();
      return true;
    },

    async attach() {
      tell(become({ type: "opening" }));
      const open = messages.open.map(({ messageId }) => messageId);
      try {
        const agent = await seat.seat(provider.attach({ ...openOptions(), messages: open }));
        // One that was taken back, or given, while the agent had no server.
        agent.setRules(rulesNow()).catch((error: unknown) => tell(rulesRefused(error)));
      } catch (error) {
        hearing.end({ kind: "ended", failure: messageOf(error), conversation: "kept", stored: () => {} });
      }
      // Those that it was given before it drops.
      session.deliver();
    },

    async end(reason) {
      if (condition.state.name === "ended") return;
      const finals = [
        ...permissions.abandon("cancelled", "The session was ended.", () => true),
        ...messages.withdrawAll(reason),
        become({ type: "ended", reason }),
      ];
      tell(...finals);
      await journal.settled();
      await session.sleep(undefined);
    },

    async close(reason) {
      closed = true;
      stayAwake();
      gate.close();
      watchdog.stop();
      permissions.close();
      // A disk that takes nothing must not keep us: what could not be stored comes again.
      await atMost(clock, closeMs, letGo(reason));
      await journal.close();
    },
  };

  /** Done at once, so that what is taken back is not handed over while it is being stored. */
  async function changeQueue(
    messageId: string,
    change: () => { commit: Commit; undo(): void } | undefined,
  ): Promise<void> {
    const isWaiting = handOver.waiting.some((message) => message.messageId === messageId);
    const changed = isWaiting ? change() : undefined;
    if (changed === undefined)
      throw new CompanionError(
        "CONFLICT",
        "This message does not wait (any more), or the one to put it before does not. What waits: GET /api/sessions/{sessionId}/queue.",
      );
    try {
      await journal.commit(changed.commit);
    } catch (error) {
      changed.undo();
      session.deliver();
      throw error;
    }
    options.onChange("updated");
  }

  /** Work goes on without us; an idle agent would only take up memory. */
  async function letGo(reason: string): Promise<void> {
    const isWorking =
      condition.state.name === "running" || condition.state.name === "waiting" || condition.state.name === "starting";
    if ((isWorking || hearing.backgroundTasks > 0) && (await seat.leave())) return;
    await session.sleep(reason);
  }
  /**
   * What an agent is asked, it must answer in time: a person waits.
   * @throws CompanionError `AGENT_FAILED`
   */
  async function answered<T>(asked: T | Promise<T>, what: string): Promise<T> {
    const patience = Promise.withResolvers<never>();
    const cancel = clock.after(answerMs, () => patience.reject(new Error(`no answer for ${answerMs / 1_000} s`)));
    try {
      return await Promise.race([asked, patience.promise]);
    } catch (error) {
      throw new CompanionError(
        "AGENT_FAILED",
        `${provider.name} refused to ${what}: ${messageOf(error)}. Try again, or restart the agent.`,
      );
    } finally {
      cancel();
    }
  }
  function refuseIfEnded(): void {
    if (condition.state.name !== "ended") return;
    throw new CompanionError(
      "SESSION_ENDED",
      `Session ${sessionId} has ended (${condition.state.reason}). Create a new one.`,
    );
  }
  return session;
}
