import { z } from "zod";

/** How hard an agent thinks. A model may offer fewer, or none. */
export const Effort = z.enum(["low", "medium", "high", "xhigh", "max"]);
export type Effort = z.infer<typeof Effort>;

/** What an agent offers in a session: for completion and menus. */
export const AgentDescription = z.object({
  commands: z.array(
    z.object({
      name: z.string().meta({ description: "Without the slash: `/name` in a message runs it." }),
      description: z.string(),
      argumentHint: z.string().optional(),
      aliases: z.array(z.string()),
      builtIn: z.boolean().meta({ description: "False: a skill or command of the user, the project or a plugin." }),
    }),
  ),
  models: z.array(z.object({ model: z.string(), name: z.string(), description: z.string(), efforts: z.array(Effort) })),
  subagents: z.array(z.object({ name: z.string(), description: z.string() })),
});
export type AgentDescription = z.infer<typeof AgentDescription>;

/** How full the agent's context window is. */
export const ContextUsage = z.object({
  model: z.string(),
  totalTokens: z.number().min(0),
  maxTokens: z.number().min(0),
  percentage: z.number().min(0),
  categories: z.array(
    z.object({ name: z.string(), tokens: z.number(), kind: z.enum(["used", "free", "buffer", "deferred"]) }),
  ),
});
export type ContextUsage = z.infer<typeof ContextUsage>;

/** What taking files back to where they were at a message changes, or has changed. */
export const Rewind = z.object({
  canRewind: z.boolean(),
  reason: z.string().optional().meta({ description: "Why not." }),
  files: z.array(z.string()).meta({ description: "Absolute paths." }),
  diff: z
    .string()
    .optional()
    .meta({ description: "What changes, as a unified diff from now to then. Absent: the agent does not tell." }),
  insertions: z.int().min(0),
  deletions: z.int().min(0),
  skipped: z.int().min(0).meta({ description: "Files left alone because a link was in the way." }),
});
export type Rewind = z.infer<typeof Rewind>;
