import {
  type CommandAck,
  type CommandData,
  CompanionError,
  type PushConfiguration,
  PushPlatform,
} from "@claude-companion/protocol";
import { type Clock, isoTime } from "../clock.ts";
import type { Positions } from "../delivery/index.ts";
import type { EventLog } from "../log/index.ts";
import type { ActionTokenRecord, NotificationRecord, Records } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import { createActionTokens } from "./actions.ts";
import type { Attention } from "./attention.ts";
import { isChannel } from "./channel.ts";
import { createCourier } from "./courier.ts";
import { explain } from "./explain.ts";
import { isPrompt } from "./happening.ts";
import { createJudge } from "./judge.ts";
import { promptDelayMs } from "./policy.ts";
import { createPreparation } from "./preparation.ts";
import { createGuardedSender, type ProviderTrouble } from "./providers/guarded.ts";
import type { Notifier } from "./providers/notifier.ts";
import { createRecall } from "./recall.ts";
import { subscribePush } from "./subscriber.ts";
import { createTargets, type Owner, type Targets } from "./targets.ts";
import { createTeller, reportOf } from "./teller.ts";
import type { WaitingPrompt } from "./waiting-prompt.ts";

const dayMs = 86_400_000;
const keepMs = 14 * dayMs;
/** Nothing older than this can still be waiting. */
const resumeMs = 2 * dayMs;
const concurrency = 64;
const pageSize = 200;

/** Reaches the person who is away. */
export interface Push {
  readonly targets: Pick<Targets, "list" | "update" | "remove">;
  register(owner: Owner, request: CommandData<"registerDevice">): ReturnType<Targets["register"]>;
  /** A token was taken back: what it registered is told nothing more, and the buttons that were sent there are dead. */
  revoke(tokenId: string): Promise<void>;
  configuration(): PushConfiguration;
  /** Sends a test to one target or all of a user's. Resolves with what the providers said. */
  sendTest(user: string, targetId: string | undefined): Promise<NotificationRecord[]>;
  stats(user: string): CommandAck<"getPushStats">;
  /** Forgets the dead. @returns how many they were */
  clearBad(user: string): Promise<number>;
  notifications(
    user: string,
    query: {
      sessionId?: string | undefined;
      targetId?: string | undefined;
      before?: string | undefined;
      limit: number;
    },
  ): Promise<{ notifications: NotificationRecord[]; next: string | undefined }>;
  /** Why a session was told, or was not: lines for people. */
  explain(user: string, sessionId: string, deviceId: string | undefined): Promise<string[]>;
  /** A device says that it showed a notification, or that its person opened it. @throws CompanionError `NOT_FOUND` */
  receipt(user: string, notificationId: string, event: "shown" | "opened"): Promise<void>;
  /** See `ActionTokens.use`. */
  act<T>(token: string, run: (right: ActionTokenRecord) => Promise<T>): Promise<T>;
  /** Providers that do not answer. */
  readonly troubles: readonly ProviderTrouble[];
  /** Forgets what is old. */
  expire(): Promise<void>;
  /** Resolves when all that was stored so far has been thought about. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param options.prompts what waits for a user, in all sessions
 * @param options.escalateMs a prompt that nobody saw or answered is told again, and elsewhere, after this; undefined: not
 * @param options.publicUrl where devices reach this server
 * @param options.heldMs how long a provider in trouble is left alone
 * @param options.random from 0 to 1, for jitter
 */
export async function createPush(options: {
  log: Pick<EventLog, "follow" | "read" | "head">;
  records: Pick<Records, "pushTargets" | "notifications" | "actionTokens" | "sessions">;
  positions: Pick<Positions, "find" | "acknowledge">;
  prompts: (user: string) => Promise<readonly WaitingPrompt[]>;
  attention: Attention;
  notifiers: readonly Notifier[];
  vapidPublicKey: string;
  publicUrl: string | undefined;
  escalateMs: number | undefined;
  heldMs: number;
  report: Pick<Report, "notification" | "providerTrouble" | "providerCalled" | "storageFailed">;
  clock: Clock;
  random: () => number;
}): Promise<Push> {
  const { records, clock, attention, report, random } = options;
  const { notifications } = records;
  const counts = { sent: 0, failed: 0, byReason: {} as Record<string, number> };
  const onError = (error: unknown) => report.storageFailed({ operation: "push", error });
  const notifiers = new Map(options.notifiers.map((notifier) => [notifier.platform, notifier]));
  function notifierOf(platform: PushPlatform): Notifier {
    const notifier = notifiers.get(platform);
    if (notifier === undefined) throw new CompanionError("NOT_FOUND", `This server has no ${platform}.`);
    return notifier;
  }

  const targets = await createTargets({ records, clock });
  const recall = createRecall(clock);
  const judge = createJudge({ notifierOf, attention, recall, clock });
  const actionTokens = createActionTokens({ records, clock, targetExists: (id) => targets.find(id) !== undefined });
  const sender = createGuardedSender({
    notifierOf,
    clock,
    openMs: options.heldMs,
    onCalled: report.providerCalled,
    onTrouble: (trouble, isOver) => report.providerTrouble({ ...trouble, isOver }),
  });
  const courier = createCourier({
    records,
    sender,
    clock,
    concurrency,
    heldMs: options.heldMs,
    random,
    prepare: createPreparation({ ...options, targets, judge, recall, actionTokens }),
    onDone,
    onError,
  });
  const teller = createTeller({ ...options, targets, judge, courier, recall, notifierOf });
  const subscriber = subscribePush({ ...options, isNeeded: () => targets.count > 0, handle: teller.handle, onError });

  function onDone(record: NotificationRecord, dead: string | undefined): void {
    const { reason, state, targetId } = record;
    report.notification({ ...reportOf(record), waitedMs: clock.now() - record.at });
    if (dead !== undefined) targets.markBad(targetId, dead).catch(onError);
    if (state === "failed") counts.failed += 1;
    if (state !== "sent") return;
    counts.sent += 1;
    counts.byReason[reason] = (counts.byReason[reason] ?? 0) + 1;
    recall.sent(record, clock.now());
    targets.markSent(targetId).catch(onError);
  }

  /** A device that comes back is not told news; one that looks away is told what still waits. */
  const stopWatching = attention.watch((deviceId, sessionId) => {
    const isHere = (record: NotificationRecord) =>
      record.deviceId === deviceId && record.sessionId === sessionId && !isChannel(record.platform);
    if (attention.lookingUntil(deviceId, sessionId) === undefined)
      courier.retime(
        (record) => isHere(record) && isPrompt(record.reason) && record.step === 0 && record.attempts === 0,
        clock.now() + promptDelayMs,
      );
    else
      courier
        .withdraw(
          (record) => isHere(record) && !isPrompt(record.reason) && record.reason !== "resolved",
          "The device looks at the session.",
        )
        .catch(onError);
  });

  /** What an earlier server left. What was on its way may have arrived; it goes again unless its device says so. */
  async function resume(user: string): Promise<void> {
    let before: string | undefined;
    do {
      const page = await notifications.page(user, { before, limit: pageSize });
      for (const record of page) {
        if (record.state === "waiting" || record.state === "sending") courier.add(record);
        if (record.state === "sent") recall.sent(record, record.at);
        if (record.openedAt !== undefined && record.permissionId !== undefined) recall.opened(record.permissionId);
      }
      const last = page.at(-1);
      before = last !== undefined && last.at > clock.now() - resumeMs ? last.notificationId : undefined;
    } while (before !== undefined);
  }
  if (targets.count > 0) {
    const sessions = (await records.sessions.list()).filter(({ status }) => status !== "ended");
    const users = new Set(targets.all().map(({ user }) => user));
    for (const user of users) await resume(user);
    subscriber.catchUp(sessions.filter(({ user }) => users.has(user)).map(({ sessionId }) => sessionId));
  }

  const push: Push = {
    targets: {
      list: targets.list,
      update: targets.update,
      async remove(user, targetId) {
        await targets.remove(user, targetId);
        await courier.withdraw((record) => record.targetId === targetId, "The target was removed.");
      },
    },
    register: (owner, request) => targets.register(owner, request, options.vapidPublicKey),
    async revoke(tokenId) {
      for (const target of targets.all())
        if (target.tokenId === tokenId) await push.targets.remove(target.user, target.targetId);
    },
    configuration: () => ({
      platforms: PushPlatform.options.map((platform) => {
        const { missing } = notifierOf(platform);
        const trouble = sender.troubles.find((other) => other.platform === platform);
        return {
          platform,
          configured: missing === undefined,
          missing,
          trouble: trouble && { since: isoTime(trouble.since), reason: trouble.reason },
        };
      }),
      vapidPublicKey: notifierOf("webPush").missing === undefined ? options.vapidPublicKey : undefined,
    }),
    async sendTest(user, targetId) {
      const chosen = targetId === undefined ? targets.list(user) : [targets.get(user, targetId)];
      if (chosen.length === 0)
        throw new CompanionError("NOT_FOUND", "You are told nowhere yet. Register a device or a channel first.");
      return Promise.all(
        chosen.map(async (target) => {
          const id = teller.testId(target, clock.now(), String(random()));
          const sent = courier.attempted(id);
          await teller.test(target, id);
          return sent;
        }),
      );
    },
    stats(user) {
      const own = targets.list(user);
      const retrying = courier.pending.filter((record) => record.user === user && record.attempts > 0);
      return {
        isConfigured: own.some((target) => judge.unusable(target) === undefined),
        configuredDevices: own.filter((target) => target.bad === undefined).length,
        badTokens: own.filter((target) => target.bad !== undefined).length,
        retryingTokens: new Set(retrying.map(({ targetId }) => targetId)).size,
        sent: counts.sent,
        failed: counts.failed,
        byReason: { ...counts.byReason },
      };
    },
    async clearBad(user) {
      const bad = targets.list(user).filter((target) => target.bad !== undefined);
      for (const { targetId } of bad) await push.targets.remove(user, targetId);
      return bad.length;
    },
    async notifications(user, { sessionId, targetId, limit, before }) {
      const found: NotificationRecord[] = [];
      let from = before;
      for (;;) {
        const page = await notifications.page(user, { before: from, limit: pageSize });
        const isMeant = (record: NotificationRecord) =>
          (sessionId === undefined || record.sessionId === sessionId) &&
          (targetId === undefined || record.targetId === targetId);
        found.push(...page.filter(isMeant));
        if (found.length > limit)
          return { notifications: found.slice(0, limit), next: found[limit - 1]?.notificationId };
        if (page.length < pageSize) return { notifications: found, next: undefined };
        from = page.at(-1)?.notificationId;
      }
    },
    async explain(user, sessionId, deviceId) {
      const session = await records.sessions.find(sessionId);
      if (session?.user !== user) throw new CompanionError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`);
      const { notifications: told } = await push.notifications(user, { sessionId, limit: 30 });
      const isMeant = (other: { deviceId: string }) => deviceId === undefined || other.deviceId === deviceId;
      const own = targets.list(user).filter(isMeant);
      return explain({
        targets: own.map((target) => ({ target, unusable: judge.unusable(target) })),
        told: told.filter(isMeant),
        lookingUntil: (target) => attention.lookingUntil(target.deviceId, sessionId),
      });
    },
    async receipt(user, notificationId, event) {
      const at = clock.now();
      const note = (record: NotificationRecord) => {
        record.shownAt ??= at;
        if (event === "opened") record.openedAt ??= at;
        record.trail.push({ at, text: event === "opened" ? "Opened on the device." : "Shown on the device." });
      };
      const stored = await notifications.find(notificationId);
      if (stored?.user !== user) throw new CompanionError("NOT_FOUND", `There is no notification ${notificationId}.`);
      if (event === "opened" && stored.permissionId !== undefined) recall.opened(stored.permissionId);
      // What the device has is not sent again, whatever became of the provider's answer.
      if (courier.settle(notificationId, note)) return;
      if ((event === "shown" ? stored.shownAt : stored.openedAt) !== undefined) return;
      note(stored);
      await notifications.save(stored);
    },
    act: (token, run) => actionTokens.use(token, run),
    get troubles() {
      return sender.troubles;
    },
    async expire() {
      await actionTokens.expire();
      for (const { notificationId, at, state } of await notifications.list())
        if (at < clock.now() - keepMs && state !== "waiting") await notifications.remove(notificationId);
    },
    settled: subscriber.settled,
    async close() {
      stopWatching();
      subscriber.close();
      await courier.close();
      for (const notifier of notifiers.values()) notifier.close();
    },
  };
  return push;
}
