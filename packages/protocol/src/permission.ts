import { z } from "zod";
import { PermissionId, SessionId, Timestamp } from "./ids.ts";

/** How much the agent may do without asking. An agent may offer fewer. */
export const PermissionMode = z.enum(["default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"]);
export type PermissionMode = z.infer<typeof PermissionMode>;

/**
 * How far a rule reaches: this session; you in this project (`local`); everybody in this project (`project`); you
 * everywhere (`user`).
 */
export const RuleScope = z.enum(["session", "local", "project", "user"]);
export type RuleScope = z.infer<typeof RuleScope>;

/** Something that `allowAlways` can grant. */
export const PermissionSuggestion = z.object({
  kind: z.enum(["rule", "mode"]).meta({ description: "A rule can be taken back; a mode is changed like any mode." }),
  text: z.string().meta({ description: "What is granted, in words." }),
  scope: RuleScope,
  value: z.unknown().meta({ description: "The same in the agent's own terms." }),
});
export type PermissionSuggestion = z.infer<typeof PermissionSuggestion>;

const Question = z.object({
  question: z.string(),
  header: z.string().optional(),
  multiSelect: z.boolean(),
  options: z.array(z.object({ label: z.string(), description: z.string().optional() })),
});

/** Everything needed to show a permission request and to answer it. */
export const PermissionRequest = z.object({
  permissionId: PermissionId,
  kind: z
    .enum(["tool", "question", "plan", "budget"])
    .meta({ description: "`budget`: the server asks whether to go on past a budget; all others ask for the agent." }),
  toolName: z.string(),
  toolUseId: z.string().optional(),
  parentToolUseId: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  title: z.string().meta({ description: "What is asked, in one sentence." }),
  description: z.string().optional(),
  reason: z.string().optional().meta({ description: "Why the agent asks instead of just doing it." }),
  suggestions: z.array(PermissionSuggestion).meta({ description: "What `allowAlways` can grant; choose by index." }),
  canAllowAlways: z.boolean(),
  defaultToNo: z.boolean().meta({ description: "Dangerous: never allow it by a single stray tap." }),
  questions: z.array(Question).optional(),
  plan: z.string().optional(),
  expiresAt: Timestamp.optional().meta({ description: "Denied by the server if nobody has answered by then." }),
});
export type PermissionRequest = z.infer<typeof PermissionRequest>;

/** A person's answer. */
export const PermissionAnswer = z.object({
  decision: z.enum(["allow", "allowAlways", "deny"]),
  message: z.string().max(10_000).optional().meta({ description: "Told to the agent with a deny." }),
  updatedInput: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: "Run the tool with this input instead." }),
  answers: z
    .record(z.string(), z.union([z.string(), z.array(z.string())]))
    .optional()
    .meta({ description: "For questions: question text to chosen label(s) or free text." }),
  suggestions: z.array(z.int().min(0)).min(1).optional().meta({
    description: "With `allowAlways`: which suggestions, by index; by default all rules, or all if there are none.",
  }),
});
export type PermissionAnswer = z.infer<typeof PermissionAnswer>;

/** Who did something. */
export const Actor = z.object({ deviceId: z.string(), name: z.string() });
export type Actor = z.infer<typeof Actor>;

/**
 * How a permission ended. `cancelled`: the agent no longer asks (interrupted). `lost`: the agent died before it was
 * answered. `expired`: nobody answered in the time that the server is configured to wait. All three mean that nothing
 * was allowed.
 */
export const PermissionOutcome = z.object({
  permissionId: PermissionId,
  decision: z.enum(["allow", "allowAlways", "deny", "cancelled", "lost", "expired"]),
  by: Actor.optional(),
  message: z.string().optional(),
  answers: PermissionAnswer.shape.answers,
  granted: z.array(z.string()).optional().meta({ description: "With `allowAlways`: what was granted, in words." }),
  resolvedAt: Timestamp,
});
export type PermissionOutcome = z.infer<typeof PermissionOutcome>;

/** A rule that a person gave with `allowAlways`. */
export const PermissionRule = z.object({
  ruleId: z.uuid(),
  text: z.string(),
  scope: RuleScope,
  sessionId: SessionId.meta({ description: "Where it was given." }),
  agent: z.string(),
  workingDirectory: z.string(),
  permissionId: PermissionId,
  by: Actor,
  createdAt: Timestamp,
});
export type PermissionRule = z.infer<typeof PermissionRule>;

/** One decision about what agents may do. */
export const AuditEntry = z.object({
  auditId: z.string(),
  at: Timestamp,
  action: z.enum(["permissionResolved", "ruleGiven", "ruleRevoked", "permissionModeChanged"]),
  sessionId: SessionId,
  workingDirectory: z.string(),
  by: Actor.optional().meta({ description: "Absent: nobody decided (cancelled, lost, expired)." }),
  toolName: z.string().optional(),
  title: z.string().meta({ description: "What it was about, in one sentence." }),
  decision: PermissionOutcome.shape.decision.optional(),
  message: z.string().optional(),
  permissionId: PermissionId.optional(),
  ruleId: z.uuid().optional(),
  input: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: "What was allowed to run, if it was edited." }),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
