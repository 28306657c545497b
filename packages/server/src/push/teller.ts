import type { PushPlatform, PushReason } from "@claude-companion/protocol";
import type { Clock } from "../clock.ts";
import type { NotificationRecord, PushTargetRecord, Records, SessionRecord } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import { timedUuidOf } from "../uuid-of.ts";
import type { Courier } from "./courier.ts";
import { isPrompt } from "./happening.ts";
import type { Judge } from "./judge.ts";
import type { Notifier } from "./providers/notifier.ts";
import type { Recall } from "./recall.ts";
import type { Occurrence } from "./subscriber.ts";
import type { Targets } from "./targets.ts";
import type { WaitingPrompt } from "./waiting-prompt.ts";

const hourMs = 3_600_000;
/** A prompt is worth telling for long; news of a turn are not. */
const lifeMs = { prompt: 24 * hourMs, news: hourMs, test: 60_000 };

/** Turns what happened into stored notifications: for each target one that will be sent, or one that says why not. */
export interface Teller {
  handle(occurrence: Occurrence): Promise<void>;
  /** Stores a test for a target, to be sent now. @returns its id */
  test(target: PushTargetRecord, id: string): Promise<void>;
  testId(target: PushTargetRecord, at: number, seed: string): string;
}

type About = Pick<NotificationRecord, "sessionId" | "permissionId" | "reason" | "at" | "expiresAt" | "correlationId">;
interface How {
  notificationId: string;
  step: number;
  dueAt: number;
  why: string;
  state?: "notSent";
}

export function createTeller(parts: {
  records: Pick<Records, "notifications" | "sessions">;
  targets: Targets;
  judge: Judge;
  courier: Pick<Courier, "add" | "withdraw" | "pending">;
  recall: Pick<Recall, "takeFromScreens" | "forget">;
  prompts: (user: string) => Promise<readonly WaitingPrompt[]>;
  notifierOf: (platform: PushPlatform) => Notifier;
  escalateMs: number | undefined;
  report: Pick<Report, "notification">;
  clock: Clock;
}): Teller {
  const { targets, courier, judge, clock, escalateMs } = parts;
  const { notifications } = parts.records;

  async function keep(target: PushTargetRecord, about: About, how: How): Promise<void> {
    const { notificationId, why, state = "waiting", ...when } = how;
    // Handled before: by an earlier server, or before its position was kept.
    if ((await notifications.find(notificationId)) !== undefined) return;
    const record: NotificationRecord = {
      ...about,
      ...when,
      notificationId,
      user: target.user,
      targetId: target.targetId,
      targetName: target.name,
      deviceId: target.deviceId,
      platform: target.address.platform,
      state,
      attempts: 0,
      shownAt: undefined,
      openedAt: undefined,
      trail: [{ at: clock.now(), text: why }],
    };
    await notifications.save(record);
    if (state === "waiting") return courier.add(record);
    parts.report.notification({ ...reportOf(record), waitedMs: undefined });
  }

  /** The first telling. Several of one session become one. */
  async function tellFirst(target: PushTargetRecord, about: About, how: How): Promise<void> {
    const prompt = isPrompt(about.reason);
    const isSame = (record: NotificationRecord) =>
      record.notificationId !== how.notificationId &&
      record.targetId === target.targetId &&
      record.sessionId === about.sessionId &&
      record.step === 0 &&
      record.state === "waiting" &&
      record.reason !== "resolved" &&
      isPrompt(record.reason) === prompt;
    // A prompt rides with the one that waits already: what is told is made when it is sent.
    if (prompt && courier.pending.some(isSame))
      return keep(target, about, { ...how, state: "notSent", why: "Told together with the prompt before it." });
    await courier.withdraw(isSame, "Something newer of this session is told instead.");
    await keep(target, about, how);
  }

  async function tell(session: SessionRecord, about: About & { reason: PushReason }, from: string): Promise<void> {
    const { at, expiresAt, reason } = about;
    const notificationId = (target: PushTargetRecord, step: number) =>
      timedUuidOf(at, `${target.targetId}/${from}/${reason}/${step}`);
    // What happened before somebody wanted to be told is no news to him.
    const concerned = targets.list(session.user).filter((target) => target.createdAt <= at);
    const decided = concerned.map((target) => ({ target, decision: judge.decide(target, { ...about, session }) }));
    const willing = decided.flatMap(({ target, decision }) => (decision.send ? [{ target, decision }] : []));
    const steps = [...new Set(willing.map(({ target }) => target.preferences.step))].sort((a, b) => a - b);

    // All at once: they share a commit.
    await Promise.all(
      decided.map(({ target, decision }) => {
        const how = { notificationId: notificationId(target, 0), step: 0, why: decision.why };
        if (!decision.send) return keep(target, about, { ...how, dueAt: at, state: "notSent" });
        return target.preferences.step === steps[0]
          ? tellFirst(target, about, { ...how, dueAt: decision.at })
          : undefined;
      }),
    );
    if (!isPrompt(reason) || escalateMs === undefined || expiresAt <= at + escalateMs) return;
    // Then those of the next steps, and in the end once more everybody.
    const later = willing.flatMap(({ target }) =>
      steps.map(async (_, i) => {
        const step = i + 1;
        if (step < steps.length && target.preferences.step !== steps[step]) return;
        const why = "Told if nobody has seen or answered it by then.";
        const id = notificationId(target, step);
        await keep(target, about, { notificationId: id, step, dueAt: at + step * escalateMs, why });
      }),
    );
    await Promise.all(later);
  }

  /** A prompt is answered, or nobody asks any more. */
  async function settle(
    session: SessionRecord,
    permissionId: string,
    { at, correlationId }: Pick<Occurrence, "at" | "correlationId">,
  ): Promise<void> {
    const { sessionId, user } = session;
    const left = (await parts.prompts(user)).filter((prompt) => prompt.sessionId === sessionId);
    const isOver = (record: NotificationRecord) =>
      record.sessionId === sessionId &&
      isPrompt(record.reason) &&
      (left.length === 0 || (record.step > 0 && record.permissionId === permissionId));
    await courier.withdraw(isOver, "It was answered, or is no longer asked.");
    parts.recall.forget(permissionId);
    if (left.length > 0) return;
    const about = {
      sessionId,
      permissionId: undefined,
      reason: "resolved" as const,
      at,
      expiresAt: at + lifeMs.news,
      correlationId,
    };
    for (const targetId of parts.recall.takeFromScreens(sessionId)) {
      const target = targets.find(targetId);
      if (target === undefined || !parts.notifierOf(target.address.platform).takesSilent) continue;
      const notificationId = timedUuidOf(at, `${targetId}/${sessionId}/${permissionId}/resolved`);
      const why = "Takes the prompt off the screen: it was answered.";
      await keep(target, about, { notificationId, step: 0, dueAt: clock.now(), why });
    }
  }

  return {
    async handle({ sessionId, epoch, seq, at, happening, correlationId }) {
      const session = await parts.records.sessions.find(sessionId);
      if (session === undefined) return;
      switch (happening.kind) {
        case "wentOn": {
          const isNews = (record: NotificationRecord) => record.sessionId === sessionId && !isPrompt(record.reason);
          return courier.withdraw(isNews, "The person went on in this session.");
        }
        case "settled":
          return settle(session, happening.permissionId, { at, correlationId });
        case "tell": {
          const { reason, permissionId } = happening;
          const expiresAt = at + (isPrompt(reason) ? lifeMs.prompt : lifeMs.news);
          const about = { sessionId, permissionId, reason, at, expiresAt, correlationId };
          return tell(session, about, `${sessionId}/${epoch}/${seq}`);
        }
        default:
          return happening satisfies never;
      }
    },
    testId: (target, at, seed) => timedUuidOf(at, `${target.targetId}/test/${seed}`),
    test(target, notificationId) {
      const at = clock.now();
      const about = {
        sessionId: undefined,
        permissionId: undefined,
        reason: "test" as const,
        at,
        expiresAt: at + lifeMs.test,
        correlationId: undefined,
      };
      return keep(target, about, { notificationId, step: 0, dueAt: at, why: "Somebody asked for a test." });
    },
  };
}

/** A notification as it is reported: what became of it, and what it belongs to. */
export const reportOf = ({
  notificationId,
  sessionId,
  platform,
  reason,
  state,
  correlationId,
}: NotificationRecord) => ({ notificationId, sessionId, platform, reason, outcome: state, correlationId });
