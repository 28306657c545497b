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
import type { PermissionRecord, Records } from "../records/index.ts";
import type { Journal } from "./journal.ts";

type Request = z.infer<typeof PermissionRequest>;
type Answer = z.infer<typeof PermissionAnswer>;
type Outcome = z.infer<typeof PermissionOutcome>;

/** The permission requests of one session that are not done with. Records, not promises: what is asked is stored with all that it takes to answer it. */
export interface Permissions {
  /** Requests that wait for an answer, oldest first. */
  readonly waiting: readonly Request[];
  /** The agent asks. Asking again with the same id counts once; what was answered already is answered again by the caller. */
  ask(request: Request): { commit: Commit; answered: Answer | undefined } | undefined;
  /**
   * A person answers. The first answer wins.
   * @returns the outcome once it is stored
   * @throws CompanionError `PERMISSION_NOT_FOUND`, `ALREADY_RESOLVED` (with the outcome), `STORAGE_FAILED`
   */
  resolve(permissionId: string, answer: Answer, by: z.infer<typeof Actor>): Promise<Outcome>;
  /** The agent has really taken an answer. */
  applied(permissionId: string): Commit | undefined;
  /** The agent says what it asks: what it does not is applied if it was answered, and cancelled if not. */
  reconcile(asking: readonly string[], message: string): Commit[];
  /** Nobody will answer these any more: all that wait, or one. */
  abandon(decision: "cancelled" | "lost", message: string, permissionId?: string): Commit[];
}

/** @param options.open what an agent that survived the server had asked, and what it had been answered */
export function createPermissions(options: {
  sessionId: string;
  records: Pick<Records, "permissions">;
  journal: Pick<Journal, "commit">;
  clock: Clock;
  open: readonly PermissionRecord[];
  onResolved: (event: { record: PermissionRecord; outcome: Outcome }) => void;
}): Permissions {
  const { records, clock, sessionId } = options;
  /** Asked and not yet applied. */
  const open = new Map(
    [...options.open].sort((a, b) => a.requestedAt - b.requestedAt).map((record) => [record.permissionId, record]),
  );

  const resolution = (record: PermissionRecord, answer: Answer | undefined, outcome: Outcome): Commit => ({
    events: [{ id: `permissionResolved:${record.permissionId}`, event: { type: "permissionResolved", data: outcome } }],
    records: [records.permissions.write({ ...record, answer, outcome })],
  });
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
    ask(request) {
      const known = open.get(request.permissionId);
      if (known) return known.answer && { commit: { events: [], records: [] }, answered: known.answer };
      const { permissionId } = request;
      const record: PermissionRecord = {
        permissionId,
        sessionId,
        request,
        requestedAt: clock.now(),
        answer: undefined,
        outcome: undefined,
        applied: false,
      };
      open.set(permissionId, record);
      return {
        commit: {
          events: [{ id: `permissionRequest:${permissionId}`, event: { type: "permissionRequest", data: request } }],
          records: [records.permissions.write(record)],
        },
        answered: undefined,
      };
    },
    async resolve(permissionId, answer, by) {
      const record = open.get(permissionId) ?? (await records.permissions.find(`${sessionId}/${permissionId}`));
      if (record === undefined) {
        throw new CompanionError(
          "PERMISSION_NOT_FOUND",
          `Session ${sessionId} has no permission request ${permissionId}.`,
        );
      }
      // A record that is closed stands in storage only; one that is open but answered has its outcome in memory.
      if (record.outcome) throw alreadyResolved(record.outcome);
      const message = answer.message ?? (answer.decision === "deny" ? "Declined." : undefined);
      const outcome: Outcome = {
        permissionId,
        decision: answer.decision,
        by,
        message,
        answers: answer.answers,
        resolvedAt: isoTime(clock.now()),
      };
      // Claimed before it is stored, in the same turn of the loop: of two answers at once one finds this.
      record.outcome = outcome;
      record.answer = answer;
      try {
        await options.journal.commit(resolution(record, answer, outcome));
      } catch (error) {
        record.outcome = undefined;
        record.answer = undefined;
        throw error;
      }
      options.onResolved({ record, outcome });
      return outcome;
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
        .filter(({ permissionId }) => !asking.includes(permissionId))
        .flatMap(({ permissionId, answer }) =>
          answer === undefined
            ? permissions.abandon("cancelled", message, permissionId)
            : (permissions.applied(permissionId) ?? []),
        );
    },
    abandon(decision, message, permissionId) {
      const commits: Commit[] = [];
      for (const record of [...open.values()]) {
        if (permissionId !== undefined && record.permissionId !== permissionId) continue;
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
  };
  return permissions;
}
