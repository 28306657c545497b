import { CompanionError } from "@claude-companion/protocol";
import { Cron } from "croner";
import { messageOf } from "../message-of.ts";

/** When something is sent: once (ms since 1970), or by a cron expression in a time zone. */
export interface Timing {
  at: number | undefined;
  cron: string | undefined;
  timeZone: string;
}

/** The machine's own time zone. */
export const localTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The times after a time, the first ones. Hours that the clock skips in spring are sent right after, those it repeats once. */
export function timesAfter({ at, cron, timeZone }: Timing, after: number, count: number): number[] {
  if (cron === undefined) return at !== undefined && at > after ? [at] : [];
  return new Cron(cron, { timezone: timeZone, mode: "5-part", paused: true })
    .nextRuns(count, new Date(after))
    .map((time) => time.getTime());
}

/**
 * @param given as a person gave it
 * @throws CompanionError `INVALID_REQUEST` for a time that has passed, no cron expression, or no time zone
 */
export function timingOf(
  given: { at?: string | undefined; cron?: string | undefined; timeZone?: string | undefined },
  now: number,
): Timing {
  const { cron, timeZone = localTimeZone() } = given;
  if ((given.at === undefined) === (cron === undefined)) throw invalid("Give either `at` or `cron`.");
  const at = given.at === undefined ? undefined : Date.parse(given.at);
  if (at !== undefined && at <= now) throw invalid(`${given.at} has passed. Give a time to come.`);
  const timing = { at, cron, timeZone };
  let next: number[];
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    next = timesAfter(timing, now, 1);
  } catch (error) {
    throw invalid(`${JSON.stringify(cron ?? "")} in ${timeZone} is no time: ${messageOf(error)}.`);
  }
  if (next.length === 0) throw invalid(`${JSON.stringify(cron)} never comes.`);
  return timing;
}

const invalid = (message: string) => new CompanionError("INVALID_REQUEST", message);
