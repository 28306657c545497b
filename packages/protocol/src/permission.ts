import { z } from "zod";
import { PermissionId, Timestamp } from "./ids.ts";

/** How much the agent may do without asking. An agent may offer fewer. */
export const PermissionMode = z.enum(["default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"]);
export type PermissionMode = z.infer<typeof PermissionMode>;

const Question = z.object({
  question: z.string(),
  header: z.string().optional(),
  multiSelect: z.boolean(),
  options: z.array(z.object({ label: z.string(), description: z.string().optional() })),
});

/** Everything needed to show a permission request and to answer it. */
export const PermissionRequest = z.object({
  permissionId: PermissionId,
  kind: z.enum(["tool", "question", "plan"]),
  toolName: z.string(),
  toolUseId: z.string().optional(),
  parentToolUseId: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  title: z.string().meta({ description: "What is asked, in one sentence." }),
  description: z.string().optional(),
  reason: z.string().optional().meta({ description: "Why the agent asks instead of just doing it." }),
  suggestions: z.array(z.unknown()).meta({ description: "What `allowAlways` would grant, in the agent's own terms." }),
  canAllowAlways: z.boolean(),
  defaultToNo: z.boolean().meta({ description: "Dangerous: never allow it by a single stray tap." }),
  questions: z.array(Question).optional(),
  plan: z.string().optional(),
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
});
export type PermissionAnswer = z.infer<typeof PermissionAnswer>;

/** Who did something. */
export const Actor = z.object({ deviceId: z.string(), name: z.string() });
export type Actor = z.infer<typeof Actor>;

/**
 * How a permission ended. `cancelled`: the agent no longer asks (interrupted). `lost`: the agent died before it was
 * answered. Both mean that nothing was allowed.
 */
export const PermissionOutcome = z.object({
  permissionId: PermissionId,
  decision: z.enum(["allow", "allowAlways", "deny", "cancelled", "lost"]),
  by: Actor.optional(),
  message: z.string().optional(),
  answers: PermissionAnswer.shape.answers,
  resolvedAt: Timestamp,
});
export type PermissionOutcome = z.infer<typeof PermissionOutcome>;
