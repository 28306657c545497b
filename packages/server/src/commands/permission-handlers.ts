import type { Records } from "../records/index.ts";
import type { Sessions } from "../sessions/index.ts";
import { actorOf, type Handlers } from "./handlers.ts";

/** What agents may do, and who said so. */
export function permissionHandlers({
  sessions,
  records,
}: {
  sessions: Sessions;
  records: Pick<Records, "audit">;
}): Pick<Handlers, "respondPermission" | "listRules" | "revokeRule" | "listAudit"> {
  return {
    async respondPermission(caller, { sessionId, permissionId, ...answer }) {
      const session = await sessions.get(caller.user, sessionId);
      return { outcome: await session.respond(permissionId, answer, actorOf(caller)) };
    },
    async listRules(caller, { sessionId }) {
      const rules = await sessions.rules.list(caller.user);
      const wanted = rules.filter((rule) => sessionId === undefined || rule.sessionId === sessionId);
      return { rules: wanted.map(({ user: _user, value: _value, ...rule }) => rule) };
    },
    async revokeRule(caller, { ruleId }) {
      await sessions.revokeRule(caller.user, ruleId, actorOf(caller));
      return {};
    },
    async listAudit(caller, { sessionId, before, limit }) {
      const entries = [];
      let from = before;
      for (;;) {
        const page = await records.audit.page(caller.user, { before: from, limit });
        for (const { user: _user, ...entry } of page) {
          from = entry.auditId;
          if (sessionId === undefined || entry.sessionId === sessionId) entries.push(entry);
          if (entries.length === limit) return { entries, next: from };
        }
        if (page.length < limit) return { entries };
      }
    },
  };
}
