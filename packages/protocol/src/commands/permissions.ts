import { z } from "zod";
import { PermissionId, SessionId } from "../ids.ts";
import { AuditEntry, PermissionAnswer, PermissionOutcome, PermissionRule } from "../permission.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const rule = {
  ruleId: "c1c8f2de-2f0c-4a55-9d3a-0c7b7d0f3a55",
  text: "Allow Bash commands that start with `npm test`, for you in this project",
  scope: "local" as const,
  sessionId: example.sessionId,
  agent: "claude",
  workingDirectory: "/home/ada/shop",
  permissionId: "96b7e1e2",
  by: example.ada,
  createdAt: example.timestamp,
};

/** What agents may do, and who said so. */
export const permissionCommands = {
  respondPermission: command({
    summary: "Answer a permission request; the first answer wins.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/permissions/{permissionId}" },
    data: z.object({ sessionId: SessionId, permissionId: PermissionId, ...PermissionAnswer.shape }),
    ack: z.object({ outcome: PermissionOutcome }),
    errors: ["PERMISSION_NOT_FOUND", "ALREADY_RESOLVED"],
    example: {
      data: { ...example.inSession, permissionId: "96b7e1e2", decision: "deny", message: "Use the other file." },
      ack: {
        outcome: {
          permissionId: "96b7e1e2",
          decision: "deny",
          by: example.ada,
          message: "Use the other file.",
          resolvedAt: example.timestamp,
        },
      },
    },
  }),
  listRules: command({
    summary: "The rules that were given with `allowAlways` and not taken back, newest first.",
    rest: { method: "GET", path: "/api/rules" },
    data: z.object({ sessionId: SessionId.optional() }),
    ack: z.object({ rules: z.array(PermissionRule) }),
    example: { data: example.inSession, ack: { rules: [rule] } },
  }),
  revokeRule: command({
    summary: "Take a rule back, at once: agents ask again.",
    rest: { method: "DELETE", path: "/api/rules/{ruleId}" },
    data: z.object({ ruleId: z.uuid() }),
    ack: z.object({}),
    errors: ["NOT_FOUND", "AGENT_FAILED"],
    example: { data: { ruleId: rule.ruleId }, ack: {} },
  }),
  listAudit: command({
    summary: "Every decision about what agents may do, newest first.",
    rest: { method: "GET", path: "/api/audit" },
    data: z.object({
      sessionId: SessionId.optional(),
      before: z.string().max(200).optional().meta({ description: "Go on from here: `next` of the page before." }),
      limit: z.int().min(1).max(500).default(100),
    }),
    ack: z.object({ entries: z.array(AuditEntry), next: z.string().optional() }),
    example: {
      data: { limit: 100 },
      ack: {
        entries: [
          {
            auditId: "1795525200123-0",
            at: example.timestamp,
            action: "permissionResolved",
            sessionId: example.sessionId,
            workingDirectory: "/home/ada/shop",
            by: example.ada,
            toolName: "Bash",
            title: "Claude wants to use Bash: npm test",
            decision: "allow",
            permissionId: "96b7e1e2",
          },
        ],
      },
    },
  }),
};
