import type { SDKAssistantMessage, SDKMessage, SDKResultMessage, SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";
import type { DurableData, DurableEvent, DurableType, OutputBlock, Usage } from "@claude-companion/protocol";
import type { z } from "zod";
import type { AgentEvent } from "../agent.ts";
import { createTodos } from "./todos.ts";

/** Turns what the CLI says into what our sessions understand; one per running CLI, since blocks are counted. */
export interface Translator {
  translate(message: SDKMessage): AgentEvent[];
  /** The messages that were handed to this CLI: their lifecycle is ours to report. */
  sent(messageId: string): void;
  /** True while no block is being streamed: then `note` is all that it takes to go on from here. */
  readonly isAtRest: boolean;
  /** Tool uses without a result yet. */
  readonly tools: readonly string[];
  note(): string;
  /** Goes on from a note. */
  restore(note: string): void;
}

interface Note {
  /** Per sub-agent ("" is the main one): the message that may have more blocks. */
  streams: [scope: string, messageId: string][];
  blocksSeen: [messageId: string, blocks: number][];
  tools: string[];
  costSoFar: number;
  lastFailure: string | undefined;
  /** What was begun to be changed in the list. The list itself is stored with its events. */
  todos?: [toolUseId: string, name: string, input: unknown][];
}

type DeltaKind = "text" | "thinking" | "toolInput";

/** Makes a translator. Pure: no I/O, no clock. @param knownTodos what the agent meant to do before */
export function createTranslator(knownTodos: DurableData<"todosChanged">["todos"] = []): Translator {
  const ours = new Set<string>();
  /** Per sub-agent ("" is the main one): the message being streamed and the kinds of its blocks. */
  const streams = new Map<string, { messageId: string; kinds: Map<number, DeltaKind> }>();
  /** The CLI sends a message block by block: how many blocks of it were seen. */
  const blocksSeen = new Map<string, number>();
  /** Blocks that are being streamed and were not completed. */
  const openBlocks = new Map<string, { scope: string }>();
  const tools = new Set<string>();
  const todos = createTodos(knownTodos);
  let costSoFar = 0;
  let lastFailure: string | undefined;

  function assistant(message: SDKAssistantMessage): AgentEvent[] {
    const parentToolUseId = message.parent_tool_use_id ?? undefined;
    const synthetic = message.message.model === "<synthetic>";
    if (message.error !== undefined) return refused(message.uuid, message.error, textOf(message));
    const messageId = message.message.id;
    return message.message.content.map((block, i) => {
      const blockIndex = blocksSeen.get(messageId) ?? 0;
      blocksSeen.set(messageId, blockIndex + 1);
      openBlocks.delete(`${messageId}/${blockIndex}`);
      const id = i === 0 ? message.uuid : `${message.uuid}:${i}`;
      if (block.type === "tool_use" || block.type === "server_tool_use" || block.type === "mcp_tool_use") {
        const { id: toolUseId, name, input } = block;
        tools.add(toolUseId);
        todos.used(toolUseId, name, input);
        return durable(id, "toolUse", { toolUseId, messageId, blockIndex, name, input, parentToolUseId });
      }
      return durable(id, "assistantMessage", {
        messageId,
        blockIndex,
        content: [outputBlock(block)],
        model: synthetic ? undefined : message.message.model,
        parentToolUseId,
        usage: usageOf(message.message.usage),
      });
    });
  }

  function user(message: SDKUserMessage): AgentEvent[] {
    if ("isReplay" in message && message.isReplay === true) {
      const { uuid } = message;
      return uuid !== undefined && ours.has(uuid)
        ? [{ kind: "message", messageId: uuid, state: "handedOver", reason: undefined }]
        : [];
    }
    const content = message.message.content;
    if (typeof content === "string") return [];
    const results = content.flatMap((block) => (block.type === "tool_result" ? [block] : []));
    for (const { tool_use_id: toolUseId } of results) tools.delete(toolUseId);
    return results.flatMap((block, i) => {
      const toolUseId = block.tool_use_id;
      const id = message.uuid === undefined ? `result:${toolUseId}` : i === 0 ? message.uuid : `${message.uuid}:${i}`;
      const isError = block.is_error ?? false;
      const detail = results.length === 1 ? (message.tool_use_result ?? undefined) : undefined;
      const parentToolUseId = message.parent_tool_use_id ?? undefined;
      const content = block.content ?? "";
      const list = todos.done(toolUseId, { isError, detail });
      return [
        durable(id, "toolResult", { toolUseId, content, isError, detail, parentToolUseId }),
        ...(list === undefined ? [] : [durable(`todos:${toolUseId}`, "todosChanged", { todos: list })]),
      ];
    });
  }

  function result(message: SDKResultMessage): AgentEvent[] {
    streams.clear();
    blocksSeen.clear();
    openBlocks.clear();
    tools.clear();
    const outcome = turnOutcome(message);
    lastFailure = outcome.result === "success" ? undefined : (outcome.reason ?? outcome.result);
    const costUsd = Math.max(0, message.total_cost_usd - costSoFar);
    costSoFar = message.total_cost_usd;
    return [
      durable(message.uuid, "turnCompleted", {
        ...outcome,
        text: message.subtype === "success" && outcome.result === "success" ? message.result : undefined,
        usage: usageOf(message.usage),
        costUsd,
        sessionCostUsd: message.total_cost_usd,
        durationMs: message.duration_ms,
        turns: message.num_turns,
      }),
    ];
  }

  function delta(message: Extract<SDKMessage, { type: "stream_event" }>): AgentEvent[] {
    const { event } = message;
    const scope = message.parent_tool_use_id ?? "";
    if (event.type === "message_start") {
      // A stream that broke and was begun anew: its blocks are never completed.
      for (const [key, block] of openBlocks) if (block.scope === scope) openBlocks.delete(key);
      streams.set(scope, { messageId: event.message.id, kinds: new Map() });
      return [];
    }
    const stream = streams.get(scope);
    if (stream === undefined) return [];
    if (event.type === "content_block_start") {
      const { type } = event.content_block;
      const kind =
        type === "text"
          ? "text"
          : type === "thinking"
            ? "thinking"
            : type.endsWith("tool_use")
              ? "toolInput"
              : undefined;
      if (kind !== undefined) stream.kinds.set(event.index, kind);
      openBlocks.set(`${stream.messageId}/${event.index}`, { scope });
      return [];
    }
    if (event.type !== "content_block_delta") return [];
    const kind = stream.kinds.get(event.index);
    if (kind === undefined) return [];
    const change = event.delta;
    const text =
      change.type === "text_delta" ? change.text
      : change.type === "thinking_delta" ? change.thinking
      : change.type === "input_json_delta" ? change.partial_json
      : undefined; // biome-ignore format: one case a line
    if (text === undefined) return [];
    if (text === "") return [{ kind: "emptyDelta" }];
    const parentToolUseId = message.parent_tool_use_id ?? undefined;
    return [
      { kind: "delta", delta: { messageId: stream.messageId, blockIndex: event.index, kind, text, parentToolUseId } },
    ];
  }

  function lifecycle(messageId: string, state: string): AgentEvent[] {
    if (!ours.has(messageId)) return [];
    if (state === "started") return [{ kind: "message", messageId, state: "handedOver", reason: undefined }];
    if (state === "completed") return [{ kind: "message", messageId, state: "answered", reason: undefined }];
    if (state === "cancelled")
      return [{ kind: "message", messageId, state: "failed", reason: lastFailure ?? "cancelled" }];
    return [];
  }

  function system(message: Extract<SDKMessage, { type: "system" }>): AgentEvent[] {
    const notice = (data: DurableData<"agentNotice">) => [durable(message.uuid, "agentNotice", data)];
    switch (message.subtype) {
      case "init":
        return [
          {
            kind: "described",
            conversationId: message.session_id,
            model: message.model,
            permissionMode: message.permissionMode,
            version: message.claude_code_version,
          },
        ];
      case "session_state_changed":
        return [{ kind: "state", state: message.state === "requires_action" ? "requiresAction" : message.state }];
      case "status":
        if (message.permissionMode === undefined) return [];
        return [
          {
            kind: "described",
            conversationId: undefined,
            model: undefined,
            permissionMode: message.permissionMode,
            version: undefined,
          },
        ];
      case "api_retry": {
        const { attempt, max_retries: maxRetries, retry_delay_ms: retryDelayMs, error_status: status, error } = message;
        const seconds = Math.round(retryDelayMs / 1000);
        const text = `The model did not answer (${error}${status === null ? "" : `, ${status}`}); try ${attempt} of ${maxRetries} in ${seconds} s.`;
        return notice({ kind: "retry", text, details: { attempt, maxRetries, retryDelayMs, status, error } });
      }
      case "compact_boundary":
        return notice({
          kind: "compacted",
          text: "The conversation was compacted.",
          details: { ...message.compact_metadata },
        });
      case "task_started":
        return notice({
          kind: "subagent",
          text: `Started: ${message.description}`,
          details: { taskId: message.task_id, taskType: message.task_type, state: "started" },
          parentToolUseId: message.tool_use_id,
        });
      case "task_notification":
        return notice({
          kind: "subagent",
          text: message.summary,
          details: { taskId: message.task_id, state: message.status },
          parentToolUseId: message.tool_use_id,
        });
      case "background_tasks_changed":
        return [{ kind: "background", tasks: message.tasks.length }];
      case "permission_denied":
        return notice({
          kind: "notice",
          text: `${message.tool_name} was denied: ${message.message}`,
          parentToolUseId: message.tool_use_id,
        });
      case "model_refusal_fallback":
      case "model_refusal_no_fallback":
        return notice({ kind: "notice", text: message.content });
      default:
        return [];
    }
  }

  return {
    sent: (messageId) => void ours.add(messageId),
    get isAtRest() {
      return openBlocks.size === 0;
    },
    get tools() {
      return [...tools];
    },
    note() {
      const open: Note["streams"] = [...streams].map(([scope, { messageId }]) => [scope, messageId]);
      const note: Note = { streams: open, blocksSeen: [...blocksSeen], tools: [...tools], costSoFar, lastFailure };
      if (todos.open.length > 0) note.todos = todos.open;
      return JSON.stringify(note);
    },
    restore(note) {
      const known: Note = JSON.parse(note);
      for (const [scope, messageId] of known.streams) streams.set(scope, { messageId, kinds: new Map() });
      for (const [messageId, blocks] of known.blocksSeen) blocksSeen.set(messageId, blocks);
      for (const tool of known.tools) tools.add(tool);
      for (const use of known.todos ?? []) todos.used(...use);
      costSoFar = known.costSoFar;
      lastFailure = known.lastFailure;
    },
    translate(message) {
      // Not in the SDK's union, but on the wire of every CLI that we support.
      const raw: { type: string; command_uuid?: unknown; state?: unknown } = message;
      if (raw.type === "command_lifecycle") return lifecycle(String(raw.command_uuid), String(raw.state));
      switch (message.type) {
        case "assistant":
          return assistant(message);
        case "user":
          return user(message);
        case "result":
          return result(message);
        case "stream_event":
          return delta(message);
        case "system":
          return system(message);
        case "conversation_reset": {
          const conversationId = message.new_conversation_id;
          const text = "The agent began a new conversation and no longer remembers what came before.";
          return [
            durable(message.uuid, "agentNotice", { kind: "conversationReset", text, details: { conversationId } }),
            { kind: "described", conversationId, model: undefined, permissionMode: undefined, version: undefined },
          ];
        }
        case "rate_limit_event": {
          const info = message.rate_limit_info;
          if (info.status === "allowed") return [];
          const until =
            info.resetsAt === undefined ? "" : ` It resets at ${new Date(info.resetsAt * 1000).toISOString()}.`;
          const text =
            info.status === "rejected" ? `The usage limit is reached.${until}` : `The usage limit is near.${until}`;
          const notice = durable(message.uuid, "agentNotice", { kind: "rateLimit", text, details: { ...info } });
          if (info.status !== "rejected") return [notice];
          const untilMs = info.resetsAt === undefined ? undefined : info.resetsAt * 1_000;
          return [notice, { kind: "obstacle", obstacle: { kind: "usageLimit", text, untilMs } }];
        }
        case "auth_status":
          return message.error === undefined ? [] : refused(message.uuid, "authentication_failed", message.error);
        default:
          return [];
      }
    },
  };
}

function durable<T extends DurableType>(id: string, type: T, data: DurableData<T>): AgentEvent {
  return { kind: "durable", id, event: { type, data } as DurableEvent };
}

function outputBlock(block: SDKAssistantMessage["message"]["content"][number]): z.infer<typeof OutputBlock> {
  if (block.type === "text") return { type: "text", text: block.text };
  if (block.type === "thinking") return { type: "thinking", text: block.thinking };
  if (block.type === "redacted_thinking") return { type: "thinking", text: "", redacted: true };
  return { type: "other", value: block };
}

function textOf(message: SDKAssistantMessage): string {
  return message.message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

function usageOf(usage: {
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
}): z.infer<typeof Usage> {
  return {
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    cacheCreationTokens: usage.cache_creation_input_tokens ?? 0,
  };
}

function turnOutcome(message: SDKResultMessage): {
  result: DurableData<"turnCompleted">["result"];
  reason: string | undefined;
} {
  const reason = message.terminal_reason;
  if (reason === "aborted_streaming" || reason === "aborted_tools") return { result: "interrupted", reason };
  if (message.subtype === "error_max_turns" || message.subtype === "error_max_budget_usd")
    return { result: "limit", reason: message.subtype };
  // An API error comes as subtype "success" with is_error set: only is_error tells.
  if (!message.is_error) return { result: "success", reason };
  const detail = message.subtype === "success" ? message.result : message.errors.join("\n");
  return { result: "error", reason: detail || reason };
}

/** The model was asked and did not answer. Without a login nothing goes on: that is more than one error. */
function refused(id: string, cause: string, text: string): AgentEvent[] {
  const error = modelError(cause, text);
  const told = durable(id, "error", error);
  if (error.code !== "AGENT_UNAVAILABLE") return [told];
  return [told, { kind: "obstacle", obstacle: { kind: "login", text: error.message, untilMs: undefined } }];
}

/** What went wrong between the CLI and the model, with what to do about it. The session goes on. */
function modelError(error: string, text: string): DurableData<"error"> {
  const details = { cause: error };
  switch (error) {
    case "authentication_failed":
    case "oauth_org_not_allowed":
    case "account_on_hold":
    case "verification_required":
    case "billing_error":
    case "cloud_credential_error":
      return {
        code: "AGENT_UNAVAILABLE",
        message: `Claude's login on the server's machine does not work: ${text} Run \`claude auth login\` there, or correct ANTHROPIC_API_KEY, then send the message again.`,
        retryable: true,
        details,
      };
    case "rate_limit":
      return {
        code: "RATE_LIMITED",
        message: `The model's rate limit is reached: ${text} Wait, then send the message again.`,
        retryable: true,
        details,
      };
    default:
      return {
        code: "AGENT_FAILED",
        message: `${text || "The model request failed."} Send the message again to retry.`,
        retryable: true,
        details,
      };
  }
}
