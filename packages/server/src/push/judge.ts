import type { PushPlatform, PushReason } from "@claude-companion/protocol";
import { type Clock, isoTime } from "../clock.ts";
import type { PushTargetRecord, SessionRecord } from "../records/index.ts";
import type { Attention } from "./attention.ts";
import { isChannel } from "./channel.ts";
import { type Decision, decide } from "./policy.ts";
import type { Notifier } from "./providers/notifier.ts";
import type { Recall } from "./recall.ts";

/** Gathers what the policy asks about, as it is now. */
export interface Judge {
  /** Why nothing can be sent to a target; undefined: it can. */
  unusable(target: PushTargetRecord): string | undefined;
  decide(
    target: PushTargetRecord,
    about: { reason: PushReason; at: number; expiresAt: number; session: SessionRecord },
  ): Decision;
}

export function createJudge(parts: {
  notifierOf: (platform: PushPlatform) => Notifier;
  attention: Pick<Attention, "lookingUntil" | "isLookedAtElsewhere">;
  recall: Pick<Recall, "sentAt">;
  clock: Pick<Clock, "now">;
}): Judge {
  const { attention, clock } = parts;
  const judge: Judge = {
    unusable({ address, bad }) {
      if (bad) return `Its address is dead (${bad.reason}, ${isoTime(bad.at)}); the app must register it anew.`;
      const notifier = parts.notifierOf(address.platform);
      return notifier.missing ?? notifier.staleness(address);
    },
    decide(target, { reason, at, expiresAt, session }) {
      const { sessionId, workingDirectory } = session;
      const deviceId = isChannel(target.address.platform) ? "" : target.deviceId;
      return decide({
        reason,
        now: clock.now(),
        happenedAt: at,
        expiresAt,
        preferences: target.preferences,
        workingDirectory,
        unusable: judge.unusable(target),
        lookingUntil: attention.lookingUntil(deviceId, sessionId),
        isLookedAtElsewhere: attention.isLookedAtElsewhere(deviceId, sessionId),
        sentAt: parts.recall.sentAt(target.targetId),
      });
    },
  };
  return judge;
}
