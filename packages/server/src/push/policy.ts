import type { PushPreferences, PushReason } from "@claude-companion/protocol";
import { isWithin } from "../projects/index.ts";
import { isPrompt } from "./happening.ts";

/** A prompt may be answered at once by whoever sits there. */
export const promptDelayMs = 500;
/** A turn that ends is often followed by the next. */
export const newsDelayMs = 5_000;
const hourMs = 3_600_000;

/** All that decides whether a target is told. Times in ms since 1970. */
export interface Situation {
  reason: PushReason;
  now: number;
  happenedAt: number;
  expiresAt: number;
  preferences: PushPreferences;
  workingDirectory: string;
  /** Why the provider or the target cannot be used, if so. */
  unusable: string | undefined;
  /** Until when the device looks at this session, if it does. */
  lookingUntil: number | undefined;
  isLookedAtElsewhere: boolean;
  /** When notifications went to this target within the last hour, oldest first. */
  sentAt: readonly number[];
}

/** `why` is for people. A later `at` may find another situation, and is decided anew. */
export type Decision = { send: true; at: number; why: string } | { send: false; why: string };

/**
 * Whether a target is told, when, and why. What waits for an answer is put off where the rest is left out: it is told
 * when the device looks away, the quiet hours are over, the hour has room again. In doubt it is sent.
 */
export function decide(situation: Situation): Decision {
  const { reason, now, preferences, lookingUntil } = situation;
  const waits = isPrompt(reason);
  const no = (why: string): Decision => ({ send: false, why });
  if (now >= situation.expiresAt) return no("It is too old to be told.");
  if (situation.unusable !== undefined) return no(situation.unusable);
  if (!preferences.enabled) return no("Switched off for this device.");
  if (!preferences.reasons.includes(reason)) return no(`This device does not want to be told of ${reason}.`);
  if (preferences.projects && !preferences.projects.some((root) => isWithin(root, situation.workingDirectory)))
    return no("Its project is not among those that this device wants.");
  if (lookingUntil !== undefined) {
    if (!waits) return no("The device is looking at this session.");
    return {
      send: true,
      at: lookingUntil,
      why: "The device is looking; it is told if it looks away and it still waits.",
    };
  }
  if (situation.isLookedAtElsewhere && !preferences.whileLookingElsewhere)
    return no("The person is looking at it on another device, and this one is to be quiet then.");
  const quietUntil = endOfQuiet(preferences.quietHours, now);
  if (quietUntil !== undefined) {
    if (!waits) return no("Quiet hours.");
    return { send: true, at: quietUntil, why: "Quiet hours; it is told when they are over, if it still waits." };
  }
  const recent = situation.sentAt.filter((at) => at > now - hourMs);
  const oldestThatCounts = recent.at(-preferences.perHourMax);
  if (oldestThatCounts !== undefined) {
    const full = `${preferences.perHourMax} notifications went to this device within an hour, which is its limit`;
    return waits
      ? { send: true, at: oldestThatCounts + hourMs, why: `${full}; it is told when there is room.` }
      : no(`${full}.`);
  }
  const delayMs = waits ? promptDelayMs : newsDelayMs;
  return { send: true, at: Math.max(now, situation.happenedAt + delayMs), why: "The device is not looking." };
}

/** When the quiet hours that it is now are over; undefined: it is none. */
function endOfQuiet(hours: PushPreferences["quietHours"], now: number): number | undefined {
  if (hours === null) return undefined;
  const [from, to] = [minutesOf(hours.from), minutesOf(hours.to)];
  const time = minutesIn(hours.timeZone, now);
  const isQuiet = from <= to ? time >= from && time < to : time >= from || time < to;
  if (!isQuiet) return undefined;
  // A change to summer time in between makes it an hour off, and it is decided anew then.
  const minutes = (to - time + 1_440) % 1_440;
  return Math.floor(now / 60_000 + minutes) * 60_000;
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

function minutesIn(timeZone: string, at: number): number {
  const shown = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return minutesOf(shown.format(at));
}
