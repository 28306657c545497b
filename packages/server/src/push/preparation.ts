import type { PermissionRequest } from "@claude-companion/protocol";
import type { Clock } from "../clock.ts";
import type { NotificationRecord, PushTargetRecord, Records, SessionRecord } from "../records/index.ts";
import type { ActionTokens } from "./actions.ts";
import type { Attention } from "./attention.ts";
import type { Preparation } from "./courier.ts";
import { isPrompt } from "./happening.ts";
import type { Judge } from "./judge.ts";
import { linksTo } from "./payload.ts";
import type { PushMessage } from "./providers/notifier.ts";
import type { Recall } from "./recall.ts";
import type { Targets } from "./targets.ts";
import type { WaitingPrompt } from "./waiting-prompt.ts";
import { wordingOf } from "./wording.ts";

const answered = "It was answered, or is no longer asked.";
const drop = (why: string): Preparation => ({ send: false, state: "withdrawn", why });

/** Right before sending all may be different from when it was decided: decides anew, and says what is true now. */
export function createPreparation(parts: {
  records: Pick<Records, "sessions">;
  targets: Pick<Targets, "find">;
  judge: Judge;
  attention: Pick<Attention, "lastActedAt">;
  recall: Pick<Recall, "isOpened">;
  actionTokens: Pick<ActionTokens, "issue">;
  prompts: (user: string) => Promise<readonly WaitingPrompt[]>;
  publicUrl: string | undefined;
  clock: Pick<Clock, "now">;
}): (record: NotificationRecord) => Promise<Preparation> {
  const { judge, clock } = parts;

  /** @returns why it is not sent now; undefined: it is */
  function obstacleTo(
    record: NotificationRecord,
    about: { target: PushTargetRecord; session: SessionRecord | undefined; here: readonly PermissionRequest[] },
  ): Preparation | undefined {
    const { reason, step, permissionId, at, expiresAt } = record;
    const { target, session, here } = about;
    if (reason === "resolved" && here.length > 0) return drop("Something waits again.");
    if (reason === "resolved" || reason === "test") {
      const why = judge.unusable(target);
      return why === undefined ? undefined : { send: false, state: "notSent", why };
    }
    if (session === undefined) return drop("The session was deleted.");
    const isAsked = step === 0 ? here.length > 0 : here.some((request) => request.permissionId === permissionId);
    if (isPrompt(reason) && !isAsked) return drop(answered);
    const seenAt = parts.attention.lastActedAt(session.sessionId) ?? 0;
    if (step > 0 && (seenAt > at || parts.recall.isOpened(permissionId))) return drop("The person has seen it.");
    const decision = judge.decide(target, { reason, at, expiresAt, session });
    if (!decision.send) return { send: false, state: "notSent", why: decision.why };
    return decision.at > clock.now() ? { send: "later", at: decision.at, why: decision.why } : undefined;
  }

  return async (record) => {
    const target = parts.targets.find(record.targetId);
    if (target === undefined) return drop("The target was removed.");
    const { reason, sessionId, expiresAt, step } = record;
    const waiting = await parts.prompts(record.user);
    const here = waiting.filter((prompt) => prompt.sessionId === sessionId).map(({ request }) => request);
    const session = sessionId === undefined ? undefined : await parts.records.sessions.find(sessionId);
    const obstacle = obstacleTo(record, { target, session, here });
    if (obstacle) return obstacle;

    const isOwn = ({ permissionId }: PermissionRequest) => Number(permissionId === record.permissionId);
    const prompts = isPrompt(reason) ? here.toSorted((a, b) => isOwn(b) - isOwn(a)) : [];
    const [prompt] = prompts;
    const place = { sessionId, permissionId: prompt?.permissionId };
    const actions = actionsFor(record, prompt);
    const right = sessionId === undefined ? undefined : { sessionId, permissionId: place.permissionId, expiresAt };
    const message: PushMessage = {
      payload: {
        notificationId: record.notificationId,
        reason: prompt === undefined ? reason : prompt.kind === "question" ? "question" : "permission",
        ...place,
        ...wordingOf({
          reason,
          workingDirectory: session?.workingDirectory,
          title: session?.title,
          previews: target.preferences.previews,
          prompts,
          step,
        }),
        ...linksTo(place, parts.publicUrl),
        waiting: waiting.length,
        actions,
        actionToken: actions.length > 0 && right ? await parts.actionTokens.issue(target, right) : undefined,
      },
      urgent: isPrompt(reason) || reason === "test",
      silent: reason === "resolved",
      collapseId: collapseIdOf(record),
      expiresAt,
      correlationId: record.correlationId,
    };
    return { send: true, address: target.address, message };
  };
}

/** What can be done without opening the app. What is dangerous is never allowed by a single stray tap. */
function actionsFor(
  { reason }: NotificationRecord,
  prompt: PermissionRequest | undefined,
): ("allow" | "deny" | "reply")[] {
  if (prompt === undefined) return reason === "turnFinished" || reason === "scheduleDone" ? ["reply"] : [];
  if (prompt.kind === "question") return prompt.questions?.length === 1 ? ["reply"] : [];
  return prompt.defaultToNo ? ["deny"] : ["allow", "deny"];
}

/** Prompts and news of a session have a place each on the screen, a test its own: 22 characters of base64url and one. */
function collapseIdOf({ sessionId, notificationId, reason }: NotificationRecord): string {
  const id = Buffer.from((sessionId ?? notificationId).replaceAll("-", ""), "hex").toString("base64url");
  return `${id}${isPrompt(reason) || reason === "resolved" ? "p" : "n"}`;
}
