import { randomUUID } from "node:crypto";
import { type Actor, CompanionError, type PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import type { RecordWrite } from "../log/index.ts";
import type { Records, RuleRecord, SessionRecord } from "../records/index.ts";
import type { Audit } from "./audit.ts";

/** What people have allowed for longer than once. */
export interface Rules {
  /** A user's rules, newest first. */
  list(user: string): Promise<RuleRecord[]>;
  /** The rules that hold for one session only; its agents are started with them. */
  ofSession(session: Pick<SessionRecord, "user" | "sessionId">): Promise<RuleRecord[]>;
  /**
   * Takes a rule out of the list.
   * @throws CompanionError `NOT_FOUND`
   */
  revoke(user: string, ruleId: string, by: z.infer<typeof Actor>): Promise<RuleRecord>;
}

export function createRules(options: { records: Pick<Records, "rules" | "audit">; audit: Audit }): Rules {
  const { records } = options;
  return {
    async list(user) {
      const rules = await records.rules.list(user);
      return rules.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    },
    async ofSession({ user, sessionId }) {
      const rules = await records.rules.list(user);
      return rules.filter((rule) => rule.scope === "session" && rule.sessionId === sessionId);
    },
    async revoke(user, ruleId, by) {
      const rule = await records.rules.find(ruleId);
      if (rule?.user !== user)
        throw new CompanionError("NOT_FOUND", `There is no rule ${ruleId}. List yours with GET /api/rules.`);
      await records.rules.remove(ruleId);
      await records.audit.save(options.audit(rule, { action: "ruleRevoked", title: rule.text, by, ruleId }));
      return rule;
    },
  };
}

/** The rules that an answer gives, and what is written down of them. */
export function grantRules(options: {
  session: SessionRecord;
  request: z.infer<typeof PermissionRequest>;
  chosen: readonly number[];
  by: z.infer<typeof Actor>;
  records: Pick<Records, "rules" | "audit">;
  audit: Audit;
  clock: Clock;
}): { rules: RuleRecord[]; writes: RecordWrite[] } {
  const { session, request, by } = options;
  const { sessionId, user, agent, workingDirectory } = session;
  const rules = options.chosen.flatMap((index): RuleRecord[] => {
    const suggestion = request.suggestions[index];
    if (suggestion?.kind !== "rule") return [];
    const { text, scope, value } = suggestion;
    const { permissionId } = request;
    const createdAt = isoTime(options.clock.now());
    return [
      {
        ruleId: randomUUID(),
        user,
        text,
        scope,
        value,
        sessionId,
        agent,
        workingDirectory,
        permissionId,
        by,
        createdAt,
      },
    ];
  });
  const writes = rules.flatMap((rule) => [
    options.records.rules.write(rule),
    options.records.audit.write(
      options.audit(session, {
        action: "ruleGiven",
        title: rule.text,
        by,
        ruleId: rule.ruleId,
        permissionId: rule.permissionId,
      }),
    ),
  ]);
  return { rules, writes };
}

/**
 * Which suggestions an answer means, by index.
 * @throws CompanionError `INVALID_REQUEST` for one that was not offered
 */
export function chosenSuggestions(
  request: Pick<z.infer<typeof PermissionRequest>, "suggestions" | "canAllowAlways">,
  chosen: readonly number[] | undefined,
): number[] {
  const { suggestions } = request;
  const unknown = chosen?.find((index) => index >= suggestions.length);
  if (unknown !== undefined || !request.canAllowAlways)
    throw new CompanionError(
      "INVALID_REQUEST",
      request.canAllowAlways
        ? `There is no suggestion ${unknown}: this request has ${suggestions.length}.`
        : "This request can only be allowed once. Answer `allow` or `deny`.",
    );
  if (chosen !== undefined) return [...new Set(chosen)];
  const all = [...suggestions.keys()];
  const rules = all.filter((index) => suggestions[index]?.kind === "rule");
  return rules.length > 0 ? rules : all;
}
