import {
  type Actor,
  CompanionError,
  type PermissionAnswer,
  type PermissionOutcome,
  type PermissionRequest,
} from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import type { Commit } from "../log/index.ts";
import type { PermissionRecord, Records, RuleRecord, SessionRecord } from "../records/index.ts";
import type { Audit } from "./audit.ts";
import type { Journal } from "./journal.ts";
import { chosenSuggestions, grantRules } from "./rules.ts";

type Request = z.infer<typeof PermissionRequest>;
type Answer = z.infer<typeof PermissionAnswer>;
type Outcome = z.infer<typeof PermissionOutcome>;

/** The permission requests of one session that are not done with. Records, not promises: what is asked is stored with all that it takes to answer it. */
export interface Permissions {
  /** Requests that wait for an answer, oldest first. */
  readonly waiting: readonly Request[];
  /** Those of them that the agent waits with. */
  readonly blocking: readonly Request[];
  /** The agent asks. Asking again with the same id counts once; what was answered already is answered again by the caller. */
  ask(request: Request): { commit: Commit; answered: Answer | undefined } | undefined;
  /**
   * A person answers. The first answer wins.
   * @returns once it is stored: the outcome, what to tell the agent, and the rules that it gives
   * @throws CompanionError `PERMISSION_NOT_FOUND`, `ALREADY_RESOLVED` (with the outcome), `STORAGE_FAILED`
   */
  resolve(
    permissionId: string,
    answer: Answer,
    by: z.infer<typeof Actor>,
  ): Promise<{ request: Request; outcome: Outcome; answer: Answer; rules: RuleRecord[] }>;
  /** The agent has really taken an answer. */
  applied(permissionId: string): Commit | undefined;
  /** The agent says what it asks: what it does not is applied if it was answered, and cancelled if not. */
  reconcile(asking: readonly string[], message: string): Commit[];
  /** Nobody will answer these any more: all of the agent's, or those that are chosen. */
  abandon(decision: "cancelled" | "lost", message: string, chosen?: (request: Request) => boolean): Commit[];
  close(): void;
}

/** The agent asks; what the server itself asks (a budget) does not depend on any agent. */
export const isOfAgent = ({ kind }: Pick<Request, "kind">): boolean => kind !== "budget";

/**
 * @param options.open what an agent that survived the server had asked, and what it had been answered
 * @param options.expireAfterMs what nobody answers in this time is denied; undefined: it waits
 * @param options.onExpired the commit that tells of it, and what to tell the agent
 */
export function createPermissions(options: {
  session: () => SessionRecord;
  records: Pick<Records, "permissions" | "rules" | "audit">;
  audit: Audit;
  journal: Pick<Journal, "commit">;
  clock: Clock;
  open: readonly PermissionRecord[];
  expireAfterMs: number | undefined;
  onExpired: (expired: { request: Request; commit: Commit; answer: Answer }) => void;
  onResolved: (event: { record: PermissionRecord; outcome: Outcome }) => void;
}): Permissions {
  const { records, clock, audit } = options;
  const { sessionId } = options.session();
  /** Asked and not yet applied. */
  const open = new Map(
    [...options.open].sort((a, b) => a.requestedAt - b.requestedAt).map((record) => [record.permissionId, record]),
  );
  const timers = new Map<string, () => void>();
  for (const record of open.values()) if (record.outcome === undefined) scheduleExpiry(record);

  function resolution(record: PermissionRecord, answer: Answer | undefined, outcome: Outcome): Commit {
    const { permissionId, request } = record;
    const { decision, by, message } = outcome;
    stopExpiry(permissionId);
    return {
      events: [{ id: `permissionResolved:${permissionId}`, event: { type: "permissionResolved", data: outcome } }],
      records: [
        records.permissions.write({ ...record, answer, outcome }),
        records.audit.write(
          audit(options.session(), {
            action: "permissionResolved",
            toolName: request.toolName,
            title: request.title,
            permissionId,
            decision,
            by,
            message,
            input: answer?.updatedInput,
          }),
        ),
      ],
    };
  }
  function scheduleExpiry(record: PermissionRecord): void {
    const { expiresAt } = record.request;
    if (expiresAt === undefined) return;
    const { permissionId } = record;
    timers.set(
      permissionId,
      clock.after(Math.max(0, Date.parse(expiresAt) - clock.now()), () => expire(permissionId)),
    );
  }
  function stopExpiry(permissionId: string): void {
    timers.get(permissionId)?.();
    timers.delete(permissionId);
  }
  function expire(permissionId: string): void {
    const record = open.get(permissionId);
    if (record === undefined || record.outcome !== undefined) return;
    const minutes = Math.round((clock.now() - record.requestedAt) / 6_000) / 10;
    const message = `Nobody answered for ${minutes} min, so it was denied.`;
    const outcome: Outcome = { permissionId, decision: "expired", message, resolvedAt: isoTime(clock.now()) };
    const answer: Answer = { decision: "deny", message };
    Object.assign(record, { outcome, answer });
    options.onExpired({ request: record.request, commit: resolution(record, answer, outcome), answer });
    options.onResolved({ record, outcome });
  }
  const alreadyResolved = (outcome: Outcome) =>
    new CompanionError(
      "ALREADY_RESOLVED",
      `This request was settled before: ${outcome.decision}${outcome.by ? ` by ${outcome.by.name}` : ""}.`,
      { outcome },
    );

  const permissions: Permissions = {
    get waiting() {
      return [...open.values()].filter((record) => record.outcome === undefined).map((record) => record.request);
    },
    get blocking() {
      return permissions.waiting.filter(isOfAgent);
    },
    ask(asked) {
      const known = open.get(asked.permissionId);
      if (known) return known.answer && { commit: { events: [], records: [] }, answered: known.answer };
      const { permissionId } = asked;
      const requestedAt = clock.now();
      const { expireAfterMs } = options;
      const request =
        expireAfterMs === undefined ? asked : { ...asked, expiresAt: isoTime(requestedAt + expireAfterMs) };
      const record: PermissionRecord = {
        permissionId,
        sessionId,
        request,
        requestedAt,
        answer: undefined,
        outcome: undefined,
        applied: false,
      };
      open.set(permissionId, record);
      scheduleExpiry(record);
      return {
        commit: {
          events: [{ id: `permissionRequest:${permissionId}`, event: { type: "permissionRequest", data: request } }],
          records: [records.permissions.write(record)],
        },
        answered: undefined,
      };
    },
    async resolve(permissionId, given, by) {
      const record = open.get(permissionId) ?? (await records.permissions.find(`${sessionId}/${permissionId}`));
      if (record === undefined) {
        throw new CompanionError(
          "PERMISSION_NOT_FOUND",
          `Session ${sessionId} has no permission request ${permissionId}.`,
        );
      }
      // A record that is closed stands in storage only; one that is open but answered has its outcome in memory.
      if (record.outcome) throw alreadyResolved(record.outcome);
      const { request } = record;
      const chosen = given.decision === "allowAlways" ? chosenSuggestions(request, given.suggestions) : [];
      const answer: Answer = { ...given, suggestions: chosen.length > 0 ? chosen : undefined };
      const session = options.session();
      const { rules, writes } = grantRules({ session, request, chosen, by, records, audit, clock });
      const outcome: Outcome = {
        permissionId,
        decision: answer.decision,
        by,
        message: answer.message ?? (answer.decision === "deny" ? "Declined." : undefined),
        answers: answer.answers,
        granted: chosen.length > 0 ? chosen.flatMap((index) => request.suggestions[index]?.text ?? []) : undefined,
        resolvedAt: isoTime(clock.now()),
      };
      // Claimed before it is stored, in the same turn of the loop: of two answers at once one finds this.
      Object.assign(record, { outcome, answer });
      try {
        const commit = resolution(record, answer, outcome);
        await options.journal.commit({ ...commit, records: [...commit.records, ...writes] });
      } catch (error) {
        Object.assign(record, { outcome: undefined, answer: undefined });
        scheduleExpiry(record);
        throw error;
      }
      options.onResolved({ record, outcome });
      return { request, outcome, answer, rules };
    },
    applied(permissionId) {
      const record = open.get(permissionId);
      if (record === undefined) return undefined;
      open.delete(permissionId);
      return {
        events: [
          { id: `permissionApplied:${permissionId}`, event: { type: "permissionApplied", data: { permissionId } } },
        ],
        records: [records.permissions.write({ ...record, applied: true })],
      };
    },
    reconcile(asking, message) {
      return [...open.values()]
        .filter(({ permissionId, request }) => isOfAgent(request) && !asking.includes(permissionId))
        .flatMap(({ permissionId, answer }) =>
          answer === undefined
            ? permissions.abandon("cancelled", message, (request) => request.permissionId === permissionId)
            : (permissions.applied(permissionId) ?? []),
        );
    },
    abandon(decision, message, chosen = isOfAgent) {
      const commits: Commit[] = [];
      for (const record of [...open.values()]) {
        if (!chosen(record.request)) continue;
        open.delete(record.permissionId);
        if (record.outcome) continue;
        const outcome: Outcome = {
          permissionId: record.permissionId,
          decision,
          message,
          resolvedAt: isoTime(clock.now()),
        };
        record.outcome = outcome;
        commits.push(resolution(record, undefined, outcome));
        options.onResolved({ record, outcome });
      }
      return commits;
    },
    close() {
      for (const permissionId of [...timers.keys()]) stopExpiry(permissionId);
    },
  };
  return permissions;
}
