import { CompanionError } from "@claude-companion/protocol";
import { type Records, type TurnRecord, turnsOf } from "../records/index.ts";
import type { Handlers } from "./handlers.ts";

type Sum = Awaited<ReturnType<Handlers["getUsage"]>>["total"];

/** What it cost. */
export function usageHandlers({ records }: { records: Pick<Records, "turns"> }): Pick<Handlers, "getUsage"> {
  return {
    async getUsage(caller, { by, from, to, sessionId, timeZone }) {
      const dayOf = daysIn(timeZone);
      const keyOf = (turn: TurnRecord) =>
        by === "day" ? dayOf(turn.at) : by === "session" ? turn.sessionId : turn.workingDirectory;
      const total = nothing();
      const groups = new Map<string, Sum>();
      const begin = from === undefined ? 0 : Date.parse(from);
      const end = to === undefined ? undefined : Date.parse(to);
      for await (const turn of turnsOf(records, caller.user, { from: begin, to: end })) {
        if (sessionId !== undefined && turn.sessionId !== sessionId) continue;
        const key = keyOf(turn);
        const group = groups.get(key) ?? nothing();
        groups.set(key, group);
        for (const sum of [total, group]) add(sum, turn);
      }
      return { total, groups: [...groups].map(([key, sum]) => ({ key, ...sum })) };
    },
  };
}

const nothing = (): Sum => ({
  turns: 0,
  costUsd: 0,
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
  durationMs: 0,
});

function add(sum: Sum, turn: TurnRecord): void {
  sum.turns += 1;
  sum.costUsd += turn.costUsd;
  sum.durationMs += turn.durationMs;
  if (turn.usage === undefined) return;
  for (const name of Object.keys(sum.usage) as (keyof Sum["usage"])[]) sum.usage[name] += turn.usage[name];
}

/** @throws CompanionError `INVALID_REQUEST` for a zone that does not exist */
function daysIn(timeZone: string): (at: number) => string {
  try {
    // Sweden writes dates as ISO 8601 does.
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
    return (at) => format.format(at);
  } catch {
    throw new CompanionError("INVALID_REQUEST", `There is no time zone ${timeZone}. Give an IANA name: Europe/Berlin.`);
  }
}
