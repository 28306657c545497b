import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { isoTime } from "../clock.ts";
import type { RecordWrite } from "../log/index.ts";
import type { AuditRecord, Records, SessionRecord } from "../records/index.ts";

/** What is written down for good, with each decision, in the same transaction. */
export type Audit = (
  session: Pick<SessionRecord, "sessionId" | "user" | "workingDirectory">,
  entry: Omit<AuditRecord, "auditId" | "at" | "sessionId" | "workingDirectory" | "user">,
) => RecordWrite;

export function createAudit(options: { records: Pick<Records, "audit">; clock: Clock }): Audit {
  return ({ sessionId, user, workingDirectory }, entry) => {
    const now = options.clock.now();
    // By time, and then by chance: two decisions of one millisecond are two.
    const auditId = `${String(now).padStart(13, "0")}-${randomBytes(4).toString("hex")}`;
    return options.records.audit.write({ auditId, at: isoTime(now), sessionId, user, workingDirectory, ...entry });
  };
}
