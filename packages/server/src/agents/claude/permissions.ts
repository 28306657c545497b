import type { CanUseTool, PermissionResult, PermissionUpdate } from "@anthropic-ai/claude-agent-sdk";
import type { PermissionAnswer, PermissionRequest } from "@claude-companion/protocol";
import { z } from "zod";
import { isKeptByUs, suggestionOf } from "./suggestions.ts";

type Request = z.infer<typeof PermissionRequest>;
type Answer = z.infer<typeof PermissionAnswer>;
type AskOptions = Parameters<CanUseTool>[2];

/** What a person can allow with a plan. */
const acceptEdits: PermissionUpdate = { type: "setMode", mode: "acceptEdits", destination: "session" };

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
  const suggestions = (kind === "plan" ? [acceptEdits] : (options.suggestions ?? [])).map(suggestionOf);
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
    canAllowAlways: kind !== "question" && suggestions.length > 0 && options.suppressAlwaysAllowRule !== true,
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
    updatedPermissions: answer.decision === "allowAlways" ? updatesOf(request, answer) : undefined,
    toolUseID: request.toolUseId,
  };
}

/** What the person chose, as the CLI gave it, but for the rules that we keep for it. */
function updatesOf(request: Request, answer: Answer): PermissionUpdate[] {
  return (answer.suggestions ?? []).flatMap((index) => {
    // It comes back exactly as the CLI gave it; between, it lay in our storage.
    const update = request.suggestions[index]?.value as PermissionUpdate | undefined;
    return update === undefined || isKeptByUs(update) ? [] : [update];
  });
}

function describe(kind: Request["kind"], toolName: string, input: Record<string, unknown>): string {
  if (kind === "question") return "Claude has a question";
  if (kind === "plan") return "Claude wants to carry out its plan";
  const target = [input.command, input.file_path, input.path, input.url, input.pattern].find(
    (value) => typeof value === "string",
  );
  return target === undefined ? `Claude wants to use ${toolName}` : `Claude wants to use ${toolName}: ${target}`;
}
