import { isoTime } from "../clock.ts";
import type { NotificationRecord, PushTargetRecord } from "../records/index.ts";

const reasons: Record<NotificationRecord["reason"], string> = {
  permission: "a permission waited",
  question: "a question waited",
  turnFinished: "a turn was finished",
  turnFailed: "a turn failed or did not move",
  loginNeeded: "the agent had to be logged in",
  limitReached: "a usage limit was reached",
  scheduleDone: "a scheduled run was done",
  test: "a test",
  resolved: "a prompt was answered",
};

/** Why was I told, or not? Lines for people: first how things stand, then what happened, the newest first. */
export function explain(facts: {
  targets: readonly { target: PushTargetRecord; unusable: string | undefined }[];
  told: readonly NotificationRecord[];
  lookingUntil: (target: PushTargetRecord) => number | undefined;
}): string[] {
  const { targets, told } = facts;
  const standing =
    targets.length === 0
      ? ["Nobody is told: no device is registered here. Switch notifications on in the app, or register a channel."]
      : targets.map(
          ({ target, unusable }) => `${nameOf(target)}: ${standingOf(target, unusable, facts.lookingUntil(target))}`,
        );
  const happened =
    told.length === 0
      ? ["Nothing has happened in this session that anybody would have been told of since a device was registered."]
      : told.map(lineOf);
  return [...standing, ...happened];
}

const nameOf = ({ name, address }: PushTargetRecord): string => `${name} (${address.platform})`;

function standingOf(
  { preferences }: PushTargetRecord,
  unusable: string | undefined,
  lookingUntil: number | undefined,
): string {
  if (unusable !== undefined) return unusable;
  if (!preferences.enabled) return "switched off.";
  const parts = [
    lookingUntil === undefined
      ? undefined
      : `it looks at this session (until ${isoTime(lookingUntil)} if nothing more happens)`,
    preferences.quietHours &&
      `quiet from ${preferences.quietHours.from} to ${preferences.quietHours.to} (${preferences.quietHours.timeZone})`,
    preferences.step > 0 ? `told only when nobody on the steps before has seen or answered it` : undefined,
  ].filter((part) => part);
  return parts.length === 0 ? "ready." : `${parts.join("; ")}.`;
}

function lineOf(record: NotificationRecord): string {
  const again = record.step > 0 ? ", told again" : "";
  const receipt =
    record.state !== "sent"
      ? []
      : [
          record.shownAt === undefined ? "Its device has not said that it showed it." : "",
          record.openedAt === undefined ? "Not opened." : "",
        ];
  const trail = [...record.trail.map(({ text }) => text), ...receipt].filter((text) => text !== "");
  return `${isoTime(record.at)} ${record.targetName} (${record.platform}): ${reasons[record.reason]}${again}. ${trail.join(" ")}`;
}
