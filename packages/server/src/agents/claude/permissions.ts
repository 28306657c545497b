import type { CanUseTool, PermissionResult, PermissionUpdate } from "@anthropic-ai/claude-agent-sdk";
import type { PermissionAnswer, PermissionRequest } from "@claude-companion/protocol";
import { z } from "zod";

type Request = z.infer<typeof PermissionRequest>;
type Answer = z.infer<typeof PermissionAnswer>;
type AskOptions = Parameters<CanUseTool>[2];

const Questions = z.array(
  z.object({
    question: z.string(),
    header: z.string().optional(),
    multiSelect: z.boolean().default(false),
    options: z.array(z.object({ label: z.string(), description: z.string().optional() })).default([]),
  }),
);

/** What the CLI asks, as everything a client needs to show it. */
export function permissionRequestOf(toolName: string, input: Record<string, unknown>, options: AskOptions): Request {
  const kind = toolName === "AskUserQuestion" ? "question" : toolName === "ExitPlanMode" ? "plan" : "tool";
  const suggestions = options.suggestions ?? [];
  const questions = kind === "question" ? Questions.safeParse(input.questions) : undefined;
  return {
    permissionId: options.requestId,
    kind,
    toolName,
    toolUseId: options.toolUseID,
    parentToolUseId: options.agentID,
    input,
    title: options.title ?? describe(kind, toolName, input),
    description: options.description,
    reason: options.decisionReason,
    suggestions,
    canAllowAlways:
      kind === "plan" || (kind === "tool" && suggestions.length > 0 && options.suppressAlwaysAllowRule !== true),
    defaultToNo: options.defaultToNo ?? false,
    questions: questions?.data,
    plan: kind === "plan" && typeof input.plan === "string" ? input.plan : undefined,
  };
}

/** A person's answer, as the CLI wants it. */
export function permissionResultOf(request: Request, answer: Answer): PermissionResult {
  if (answer.decision === "deny") {
    // A deny always carries a message: the model reads it and goes on.
    return {
      behavior: "deny",
      message: answer.message ?? `The user declined: ${request.title}`,
      toolUseID: request.toolUseId,
    };
  }
  const input = answer.updatedInput ?? request.input;
  return {
    behavior: "allow",
    updatedInput: answer.answers ? { ...input, answers: answer.answers } : input,
    updatedPermissions: answer.decision === "allowAlways" ? alwaysUpdates(request) : undefined,
    toolUseID: request.toolUseId,
  };
}

function alwaysUpdates(request: Request): PermissionUpdate[] {
  if (request.kind === "plan") return [{ type: "setMode", mode: "acceptEdits", destination: "session" }];
  // They come back exactly as the CLI gave them; between, they lay in our storage.
  return request.suggestions as PermissionUpdate[];
}

function describe(kind: Request["kind"], toolName: string, input: Record<string, unknown>): string {
  if (kind === "question") return "Claude has a question";
  if (kind === "plan") return "Claude wants to carry out its plan";
  const target = [input.command, input.file_path, input.path, input.url, input.pattern].find(
    (value) => typeof value === "string",
  );
  return target === undefined ? `Claude wants to use ${toolName}` : `Claude wants to use ${toolName}: ${target}`;
}
