import type { Query } from "@anthropic-ai/claude-agent-sdk";
import type { AgentDescription, ContextUsage, Rewind } from "@claude-companion/protocol";
import type { z } from "zod";

type Answer<T extends keyof Query> = Query[T] extends (...args: never) => Promise<infer R> ? R : never;

/** What the CLI says when it has started, as menus need it. */
export function descriptionOf(said: Answer<"initializationResult">): z.infer<typeof AgentDescription> {
  return {
    commands: said.commands.map(({ name, description, argumentHint, aliases = [], builtin = false }) => ({
      name,
      description,
      argumentHint: argumentHint || undefined,
      aliases,
      builtIn: builtin,
    })),
    models: said.models.map(({ value, displayName, description, supportedEffortLevels = [] }) => ({
      model: value,
      name: displayName,
      description,
      efforts: supportedEffortLevels,
    })),
    subagents: said.agents.map(({ name, description }) => ({ name, description })),
  };
}

export function contextUsageOf(said: Answer<"getContextUsage">): z.infer<typeof ContextUsage> {
  const { model, totalTokens, maxTokens, percentage, categories } = said;
  return {
    model,
    totalTokens,
    maxTokens,
    percentage,
    categories: categories.map(({ name, tokens, kind }) => ({ name, tokens, kind })),
  };
}

export function rewindOf(said: Answer<"rewindFiles">): z.infer<typeof Rewind> {
  const { canRewind, error, filesChanged = [], insertions = 0, deletions = 0, skippedLinks = 0 } = said;
  return { canRewind, reason: error, files: filesChanged, insertions, deletions, skipped: skippedLinks };
}
