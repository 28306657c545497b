import { CompanionError, type PushActionRequest } from "@claude-companion/protocol";
import { isoTime } from "../clock.ts";
import { type Push, targetOf } from "../push/index.ts";
import type { NotificationRecord } from "../records/index.ts";
import type { Sessions } from "../sessions/index.ts";
import { uuidOf } from "../uuid-of.ts";
import type { Handlers } from "./handlers.ts";

/** Being told while away. */
export function pushHandlers({
  push,
}: {
  push: Push;
}): Pick<
  Handlers,
  | "registerDevice"
  | "listPushTargets"
  | "updatePushTarget"
  | "removePushTarget"
  | "getPushConfiguration"
  | "testPush"
  | "getPushStats"
  | "listBadTokens"
  | "clearBadTokens"
  | "listNotifications"
  | "explainPush"
  | "reportReceipt"
> {
  return {
    async registerDevice(caller, request) {
      const { target, secret } = await push.register(caller, request);
      return { target: targetOf(target), secret };
    },
    listPushTargets: async (caller) => ({ targets: push.targets.list(caller.user).map(targetOf) }),
    async updatePushTarget(caller, { targetId, ...change }) {
      return { target: targetOf(await push.targets.update(caller.user, targetId, change)) };
    },
    async removePushTarget(caller, { targetId }) {
      await push.targets.remove(caller.user, targetId);
      return {};
    },
    getPushConfiguration: async () => push.configuration(),
    async testPush(caller, { targetId }) {
      return { notifications: (await push.sendTest(caller.user, targetId)).map(notificationOf) };
    },
    getPushStats: async (caller) => push.stats(caller.user),
    async listBadTokens(caller) {
      const bad = push.targets.list(caller.user).filter((target) => target.bad !== undefined);
      return { targets: bad.map(targetOf) };
    },
    clearBadTokens: async (caller) => ({ cleared: await push.clearBad(caller.user) }),
    async listNotifications(caller, query) {
      const { notifications, next } = await push.notifications(caller.user, query);
      return { notifications: notifications.map(notificationOf), next };
    },
    explainPush: async (caller, { sessionId, deviceId }) => ({
      lines: await push.explain(caller.user, sessionId, deviceId),
    }),
    async reportReceipt(caller, { notificationId, event }) {
      await push.receipt(caller.user, notificationId, event);
      return {};
    },
  };
}

/** A button of a notification: who presses it has no other login than its token. */
export type ActOnNotification = (request: PushActionRequest) => Promise<{ sessionId: string }>;

/** Allow, deny and reply from the lock screen. */
export function createPushActions({ push, sessions }: { push: Push; sessions: Sessions }): ActOnNotification {
  return ({ actionToken, action, text }) =>
    push.act(actionToken, async ({ hash, user, sessionId, permissionId, deviceId, deviceName }) => {
      const session = await sessions.get(user, sessionId);
      const by = { deviceId, name: deviceName };
      const wanted = () => {
        if (text?.trim()) return text;
        throw new CompanionError("INVALID_REQUEST", "A reply needs `text`.");
      };
      if (permissionId === undefined) {
        if (action !== "reply")
          throw new CompanionError("INVALID_REQUEST", "Nothing waits to be allowed or denied here; send a `reply`.");
        // The same press twice is the same message.
        const messageId = uuidOf(hash);
        await session.send({ messageId, content: wanted(), delivery: "queue", by });
        return { sessionId };
      }
      const request = session.pendingPermissions.find((pending) => pending.permissionId === permissionId);
      if (request?.kind === "question" && action !== "deny") {
        const [question] = request.questions ?? [];
        if (action !== "reply" || question === undefined)
          throw new CompanionError("INVALID_REQUEST", "A question is answered with `reply` and a `text`.");
        await session.respond(permissionId, { decision: "allow", answers: { [question.question]: wanted() } }, by);
      } else if (action === "reply") await session.respond(permissionId, { decision: "deny", message: wanted() }, by);
      else await session.respond(permissionId, { decision: action, message: text }, by);
      return { sessionId };
    });
}

/** A notification as clients see it. */
function notificationOf(record: NotificationRecord) {
  const { user: _user, deviceId: _deviceId, expiresAt: _expiresAt, ...shown } = record;
  const time = (at: number | undefined) => (at === undefined ? undefined : isoTime(at));
  return {
    ...shown,
    at: isoTime(record.at),
    dueAt: record.state === "waiting" ? isoTime(record.dueAt) : undefined,
    shownAt: time(record.shownAt),
    openedAt: time(record.openedAt),
    trail: record.trail.map(({ at, text }) => ({ at: isoTime(at), text })),
  };
}
