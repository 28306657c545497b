import { CompanionError, type DurableData } from "@claude-companion/protocol";
import type { Agent, AgentEvent, AgentProvider } from "../agents/index.ts";
import type { Clock } from "../clock.ts";
import type { Hub } from "../delivery/index.ts";
import type { Commit } from "../log/index.ts";
import { type Records, timeKey } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import { errorEvent, nothing, noticeEvent, partialMessages } from "./commits.ts";
import type { Condition } from "./condition.ts";
import type { HandOver } from "./hand-over.ts";
import type { Journal } from "./journal.ts";
import type { Messages } from "./messages.ts";
import type { Permissions } from "./permissions.ts";

const restartsMax = 2;

type Ended = Extract<AgentEvent, { kind: "ended" }>;

/** Turns what an agent does into what becomes of its session: each thing is stored and told, in the order in which it was heard. */
export interface Hearing {
  /** Another agent was seated. */
  begin(): void;
  heed(event: Exclude<AgentEvent, { kind: "delta" }>, source: Agent): void;
  /** The agent is gone: everything that counted on it is brought to the state that is true. */
  end(event: Ended): void;
  /** The agent waits with nothing any more: it runs again. Empty while it does. */
  allAnswered(): Commit;
  /** Work of the agent that goes on besides its turn. */
  readonly backgroundTasks: number;
}

const isAbout = (permissionId: string) => (request: { permissionId: string }) => request.permissionId === permissionId;

/**
 * @param options.tell stores and tells
 * @param options.deliver hands over what waits
 * @param options.onRest the agent may be put to sleep, if nothing else speaks against it
 * @param options.onChange lists show something else now
 * @param options.onEnded before anything is made of the end of an agent
 */
export function createHearing(options: {
  provider: AgentProvider;
  condition: Condition;
  messages: Messages;
  permissions: Permissions;
  handOver: HandOver;
  journal: Journal;
  records: Pick<Records, "turns">;
  hub: Pick<Hub, "abandon">;
  report: Report;
  clock: Clock;
  tell: (...commits: (Commit | undefined)[]) => void;
  isClosed: () => boolean;
  sleepReason: () => string | undefined;
  deliver: () => void;
  onRest: () => void;
  onChange: () => void;
  onEnded: () => void;
}): Hearing {
  const { provider, condition, messages, permissions, handOver, journal, records, hub, report, clock } = options;
  const { tell, deliver, onChange } = options;
  const { become, update } = condition;
  const { sessionId } = condition.record;
  let backgroundTasks = 0;
  /** Agents that died one after the other, without a turn between them. */
  let restarts = 0;

  function heed(event: Exclude<AgentEvent, { kind: "delta" }>, source: Agent): void {
    switch (event.kind) {
      case "durable":
        return heedDurable(event);
      case "state":
        if (event.state === "running")
          return tell(become({ type: permissions.blocking.length > 0 ? "permissionAsked" : "agentRunning" }));
        if (event.state === "idle") return tell(become({ type: "agentIdle" }));
        return;
      case "message":
        handOver.heard();
        if (event.state === "handedOver") noteHandedOver(event.messageId);
        tell(messages.advance(event.messageId, event.state, event.reason));
        return handOver.waiting.length > 0 ? deliver() : undefined;
      case "permission": {
        const asked = permissions.ask(event.request);
        if (asked?.answered) return void source.answer(event.request.permissionId, asked.answered);
        if (asked === undefined) return;
        report.permissionRequested({
          sessionId,
          permissionId: event.request.permissionId,
          toolName: event.request.toolName,
          kind: event.request.kind,
        });
        tell(asked.commit, become({ type: "permissionAsked" }));
        return onChange();
      }
      case "permissionApplied":
        return tell(permissions.applied(event.permissionId));
      case "permissionWithdrawn":
        return tell(
          ...permissions.abandon("cancelled", "The agent no longer asks.", isAbout(event.permissionId)),
          hearing.allAnswered(),
        );
      case "described":
        return heedDescription(event);
      case "obstacle":
        return tell(condition.obstruct(event.obstacle));
      case "background":
        backgroundTasks = event.tasks;
        return options.onRest();
      case "emptyDelta":
        return report.emptyDelta();
      case "standing":
        return heedStanding(event);
      case "checkpoint":
        return journal.mark(event.stored);
      case "ended":
        heedEnd(event);
        return journal.mark(event.stored);
      default:
        return event satisfies never;
    }
  }
  function noteHandedOver(messageId: string): void {
    const correlationId = messages.open.find((message) => message.messageId === messageId)?.correlationId;
    report.messageHandedOver({ sessionId, messageId, correlationId });
  }
  function heedDurable({ id, event }: Extract<AgentEvent, { kind: "durable" }>): void {
    const events = [{ id, event }];
    if (event.type === "todosChanged")
      return tell({ events, records: condition.write({ todos: event.data.todos }).records });
    if (event.type !== "turnCompleted") return tell({ events, records: [] });
    restarts = 0;
    const { result, durationMs, costUsd, usage } = event.data;
    const { user, workingDirectory, model } = condition.record;
    report.turnCompleted({ sessionId, result, durationMs, costUsd, model, usage });
    const at = clock.now();
    const turn = {
      turnId: `${timeKey(at)}-${id}`,
      ...{ user, sessionId, workingDirectory, at },
      costUsd: costUsd ?? 0,
      usage,
      durationMs: durationMs ?? 0,
    };
    // With its event: a turn that is told twice counts once.
    const updated = update({ lastActivityAt: at });
    journal.record({ events, records: [records.turns.write(turn), ...updated.records] }, { alone: true });
    if (result === "success") tell(condition.clear("usageLimit", "login"));
  }

  function heedDescription(event: Extract<AgentEvent, { kind: "described" }>): void {
    const { record } = condition;
    const told: DurableData<"sessionUpdated"> = {};
    if (event.model !== undefined && event.model !== record.model) told.model = event.model;
    if (event.permissionMode !== undefined && event.permissionMode !== record.permissionMode) {
      told.permissionMode = event.permissionMode;
    }
    if (event.conversationId !== undefined && event.conversationId !== record.conversationId) {
      // The agent's conversation is not our session: both are kept, and a change is told.
      told.conversationId = event.conversationId;
    }
    if (Object.keys(told).length === 0) return;
    onChange();
    tell(condition.announce(told, told.conversationId === undefined ? {} : { conversationStarted: true }));
  }

  /** What the agent says of itself is what counts. */
  function heedStanding({ state: standing, permissions: asking }: Extract<AgentEvent, { kind: "standing" }>): void {
    const stale = permissions.reconcile(asking, "The agent no longer asks.");
    const settled = stale.length > 0 ? hearing.allAnswered() : nothing;
    const moved =
      standing === "idle"
        ? become({ type: "agentIdle" })
        : standing === "running"
          ? become({ type: "agentRunning" })
          : nothing;
    tell(...stale, settled, moved, ...(standing === "idle" ? handOver.idle() : []));
    if (handOver.waiting.length > 0) deliver();
  }
  function heedEnd({ failure, conversation }: Ended): void {
    options.onEnded();
    backgroundTasks = 0;
    const why = failure === undefined ? "The agent was put to sleep." : "The agent died.";
    const partial = partialMessages(hub.abandon(sessionId));
    const settled = messages.settleHandedOver(
      provider.capabilities.recognisesRepeats ? "failed" : "indeterminate",
      `${why} What it had done until then stays done; send the message again to go on.`,
    );
    const lost = permissions.abandon("lost", `${why} Nothing was allowed.`);
    if (conversation === "found") {
      // An earlier server was killed before it could note that the conversation had begun. The next agent goes on with it.
      tell(
        update({ conversationId: sessionId, conversationStarted: true }),
        ...settled,
        become({ type: "slept", reason: undefined }),
      );
      return deliver();
    }
    if (conversation === "lost") {
      const text =
        "The agent no longer has this conversation. The next message begins a new one; the history stays readable here.";
      tell(update({ conversationId: undefined, conversationStarted: false }), noticeEvent("conversationReset", text));
    }
    if (failure === undefined) {
      tell(partial, ...lost, ...settled, become({ type: "slept", reason: options.sleepReason() }));
      // Accepted while it went to sleep.
      if (messages.queued.length > 0) deliver();
      return;
    }
    report.agentDied({ sessionId, agent: provider.id, reason: failure });
    const error = new CompanionError(
      "AGENT_FAILED",
      `${provider.name} stopped: ${failure}. Send a message to start it again.`,
    );
    tell(partial, ...lost, ...settled, errorEvent(error), become({ type: "agentFailed", reason: failure }));
    // What was accepted and not handed over still has to reach an agent, but not one that dies each time.
    if (messages.queued.length > 0 && restarts < restartsMax && !options.isClosed()) {
      restarts += 1;
      deliver();
    }
  }

  const hearing: Hearing = {
    begin: () => {
      backgroundTasks = 0;
    },
    heed,
    end: heedEnd,
    allAnswered: () => (permissions.blocking.length === 0 ? become({ type: "permissionsAnswered" }) : nothing),
    get backgroundTasks() {
      return backgroundTasks;
    },
  };
  return hearing;
}
