import { randomUUID } from "node:crypto";
import type { Budget, PermissionOutcome, PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Commit } from "../log/index.ts";
import { type Granted, type Records, type SessionRecord, turnsOf } from "../records/index.ts";
import { nothing, together } from "./commits.ts";
import type { Condition } from "./condition.ts";
import type { Journal } from "./journal.ts";
import { isOfAgent, type Permissions } from "./permissions.ts";

type Amounts = Required<z.infer<typeof Budget>>;

/** What may be spent before a person is asked: by one session in all, and by all sessions of a user on one day. */
export interface Budgets {
  session: z.infer<typeof Budget>;
  day: z.infer<typeof Budget>;
}

/** Whether the next message may be handed over. Where a budget is used up, a person is asked, and the message waits. */
export interface Gate {
  /** At once when there is nothing to look up. When it becomes open later, `onOpen` says so. */
  isOpen(): boolean | Promise<boolean>;
  /** A person answered what the gate had asked. */
  answered(request: z.infer<typeof PermissionRequest>, decision: z.infer<typeof PermissionOutcome>["decision"]): void;
  /** There is something new: what was declined is asked again. */
  renew(): void;
  close(): void;
}

/**
 * @param options.tell commits what has happened
 * @param options.onOpen what waits may be tried again
 */
export function createGate(options: {
  condition: Condition;
  permissions: Pick<Permissions, "ask" | "waiting" | "abandon" | "applied">;
  records: Pick<Records, "turns">;
  journal: Pick<Journal, "settled">;
  budgets: Budgets;
  clock: Clock;
  tell: (...commits: (Commit | undefined)[]) => void;
  onOpen: () => void;
}): Gate {
  const { condition, permissions, records, clock, tell } = options;
  let declined = false;
  let cancelWait: (() => void) | undefined;

  /** A usage limit that will be over by itself, in a session that goes on then. */
  function limitUntil(): number | undefined {
    const { obstacle, continueAfterLimit } = condition.record;
    if (!continueAfterLimit || obstacle?.kind !== "usageLimit" || obstacle.until === undefined) return undefined;
    const until = Date.parse(obstacle.until);
    return until > clock.now() ? until : undefined;
  }
  function waitUntil(at: number): void {
    cancelWait?.();
    cancelWait = clock.after(Math.max(1_000, at - clock.now()), options.onOpen);
  }
  const asked = () => permissions.waiting.find(isBudget);
  async function look(budgets: Budgets): Promise<boolean> {
    // The turn that has just ended counts.
    await options.journal.settled();
    const over = await overrun(records, condition.record, budgets, clock.now());
    if (over === undefined) {
      const pending = permissions.abandon("cancelled", "There is room in the budget again.", isBudget);
      tell(...pending, condition.clear("budget"));
      return true;
    }
    const { text } = over;
    const request = declined || asked() ? undefined : permissions.ask(requestOf(over));
    tell(request?.commit, condition.obstruct({ kind: "budget", text, untilMs: over.until }));
    if (over.until !== undefined) waitUntil(over.until);
    return false;
  }
  return {
    isOpen() {
      // Whoever follows the terminal tells when it is closed.
      if (condition.record.obstacle?.kind === "terminal") return false;
      const until = limitUntil();
      if (until !== undefined) {
        waitUntil(until);
        return false;
      }
      const budgets = { ...options.budgets, session: condition.record.budget ?? options.budgets.session };
      const isLimited = [budgets.session, budgets.day].some((budget) => Object.keys(budget).length > 0);
      return isLimited || condition.record.obstacle?.kind === "budget" ? look(budgets) : true;
    },
    answered({ permissionId, input }, decision) {
      const more =
        decision === "allow" || decision === "allowAlways" ? grantedMore(condition.record, input) : undefined;
      declined = more === undefined;
      const granted = more === undefined ? nothing : condition.write({ granted: more });
      tell(together([permissions.applied(permissionId), granted]));
      if (more !== undefined) options.onOpen();
    },
    renew: () => {
      declined = false;
    },
    close: () => cancelWait?.(),
  };
}

const isBudget = (request: z.infer<typeof PermissionRequest>): boolean => !isOfAgent(request);

interface Overrun {
  scope: "session" | "day";
  unit: keyof Amounts;
  spent: number;
  allowed: number;
  /** The budget itself: so much more is granted at once. */
  budget: number;
  date: string;
  until: number | undefined;
  text: string;
}

/** The first budget that is used up. */
async function overrun(
  records: Pick<Records, "turns">,
  record: SessionRecord,
  budgets: Budgets,
  now: number,
): Promise<Overrun | undefined> {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const date = dateOf(now);
  const spent = { session: { costUsd: 0, turns: 0 }, day: { costUsd: 0, turns: 0 } };
  const isLimited = Object.keys(budgets.session).length > 0;
  const from = isLimited ? Math.min(midnight, record.createdAt) : midnight;
  for await (const turn of turnsOf(records, record.user, { from })) {
    if (turn.at >= midnight) add(spent.day, turn.costUsd);
    if (turn.sessionId === record.sessionId) add(spent.session, turn.costUsd);
  }
  const granted = grantedOf(record, date);
  for (const scope of ["session", "day"] as const)
    for (const unit of ["costUsd", "turns"] as const) {
      const budget = budgets[scope][unit];
      if (budget === undefined) continue;
      const allowed = budget + granted[scope][unit];
      const used = spent[scope][unit];
      if (used < allowed) continue;
      const until = scope === "day" ? new Date(now).setHours(24, 0, 0, 0) : undefined;
      const over = { scope, unit, spent: used, allowed, budget, date, until };
      return { ...over, text: textOf(over) };
    }
  return undefined;
}

function add(sum: Amounts, costUsd: number): void {
  sum.costUsd += costUsd;
  sum.turns += 1;
}

const amount = (unit: keyof Amounts, value: number): string =>
  unit === "costUsd" ? `$${value.toFixed(2)}` : `${value} ${value === 1 ? "turn" : "turns"}`;

function textOf({ scope, unit, spent, allowed, budget }: Omit<Overrun, "text">): string {
  const whose = scope === "session" ? "This session has" : "Your sessions have, today,";
  const used = unit === "costUsd" ? "cost" : "taken";
  return `${whose} ${used} ${amount(unit, spent)} of ${amount(unit, allowed)}. Go on with another ${amount(unit, budget)}?`;
}

function requestOf({ text, until: _until, ...input }: Overrun): z.infer<typeof PermissionRequest> {
  return {
    permissionId: randomUUID(),
    kind: "budget",
    toolName: "Budget",
    input,
    title: text,
    suggestions: [],
    canAllowAlways: false,
    defaultToNo: false,
  };
}

function grantedOf({ granted }: SessionRecord, date: string): Granted {
  const none = { costUsd: 0, turns: 0 };
  return {
    session: granted?.session ?? none,
    day: granted?.day.date === date ? granted.day : { date, ...none },
  };
}

/** What is granted beyond the budget once a person has said yes, so that the whole budget is there once more. */
function grantedMore(record: SessionRecord, input: Record<string, unknown>): Granted {
  // It comes back as `requestOf` made it.
  const { scope, unit, spent, allowed, date } = input as unknown as Overrun;
  const granted = grantedOf(record, date);
  const total = Math.max(spent, allowed);
  return { ...granted, [scope]: { ...granted[scope], [unit]: total } };
}

const dateOf = (ms: number): string => {
  const day = new Date(ms);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
};
