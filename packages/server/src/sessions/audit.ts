import { randomBytes } from "node:crypto";
import { type Clock, isoTime } from "../clock.ts";
import { type AuditRecord, type SessionRecord, timeKey } from "../records/index.ts";

/** What is written down for good of a decision. */
export type Audit = (
  session: Pick<SessionRecord, "sessionId" | "user" | "workingDirectory">,
  entry: Omit<AuditRecord, "auditId" | "at" | "sessionId" | "workingDirectory" | "user">,
) => AuditRecord;

export function createAudit({ clock }: { clock: Clock }): Audit {
  return ({ sessionId, user, workingDirectory }, entry) => {
    const now = clock.now();
    // By time, and then by chance: two decisions of one millisecond are two.
    const auditId = `${timeKey(now)}-${randomBytes(4).toString("hex")}`;
    return { auditId, at: isoTime(now), sessionId, user, workingDirectory, ...entry };
  };
}
