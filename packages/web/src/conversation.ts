import type { SessionFrame } from "@claude-companion/client";
import type { DurableData, PermissionRequest } from "@claude-companion/protocol";
import { type Attachment, attachmentsOf, imagesOf, textOf } from "./blocks.ts";

/** One thing in a conversation, as it is shown. */
export type Item =
  | {
      kind: "human";
      key: string;
      text: string;
      attachments: readonly Attachment[];
      state: string;
      reason: string | undefined;
      by: string | undefined;
      at: string | undefined;
      seq: number | undefined;
    }
  | {
      kind: "text" | "thinking";
      key: string;
      text: string;
      live: boolean;
      parent: string | undefined;
      seq?: number | undefined;
    }
  | {
      kind: "tool";
      key: string;
      name: string;
      input: Record<string, unknown>;
      result: Result | undefined;
      live: boolean;
      parent: string | undefined;
    }
  | { kind: "notice"; key: string; text: string; isError: boolean; parent: string | undefined }
  | {
      kind: "turn";
      key: string;
      result: string;
      reason: string | undefined;
      costUsd: number | undefined;
      durationMs: number | undefined;
      at: string | undefined;
    };

interface Result {
  text: string;
  /** As addresses of data. */
  images: readonly string[];
  isError: boolean;
  detail: unknown;
}

/** A conversation as far as it was read. */
export interface Conversation {
  readonly items: readonly Item[];
  readonly status: string;
  readonly statusReason: string | undefined;
  /** What waits for an answer, oldest first. */
  readonly permissions: readonly PermissionRequest[];
  readonly obstacle: string | undefined;
  /** Ids of the messages that wait for their turn, in the order in which they will be handed over. */
  readonly queue: readonly string[];
  /** What the agent means to do, and what of it is done. */
  readonly todos: DurableData<"todosChanged">["todos"];
  /** What the session has cost, as the agent says. */
  readonly costUsd: number | undefined;
  /** Tokens that the newest answer was made of: how full the context is. */
  readonly contextTokens: number | undefined;
}

export const emptyConversation: Conversation = {
  items: [],
  status: "",
  statusReason: undefined,
  permissions: [],
  obstacle: undefined,
  queue: [],
  todos: [],
  costUsd: undefined,
  contextTokens: undefined,
};

/** The conversation after some more frames. Pure; what is told twice changes nothing. */
export function withFrames(before: Conversation, frames: readonly SessionFrame[]): Conversation {
  const items = [...before.items];
  const places = new Map(items.map((item, i) => [item.key, i]));
  let { status, statusReason, permissions, obstacle, queue, todos, costUsd, contextTokens } = before;

  function put(item: Item): void {
    const place = places.get(item.key);
    if (place === undefined) {
      places.set(item.key, items.length);
      items.push(item);
    } else items[place] = item;
  }
  const find = (key: string) => items[places.get(key) ?? -1];

  for (const frame of frames) {
    switch (frame.type) {
      case "humanMessage": {
        const { messageId, content, by, queued } = frame.data;
        // Without a place in the log it is our own, on its way: what the server says of it counts for more.
        const isUnsent = frame.seq === undefined;
        if (isUnsent && places.has(messageId)) break;
        if (queued && !queue.includes(messageId)) queue = [...queue, messageId];
        put({
          kind: "human",
          key: messageId,
          text: textOf(content),
          attachments: attachmentsOf(content),
          state: isUnsent ? "unsent" : queued ? "queued" : "stored",
          reason: undefined,
          by: by?.name,
          at: frame.timestamp,
          seq: frame.seq,
        });
        break;
      }
      case "messageState": {
        if (frame.data.state !== "queued") queue = queue.filter((one) => one !== frame.data.messageId);
        const known = find(frame.data.messageId);
        if (known?.kind === "human") put({ ...known, state: frame.data.state, reason: frame.data.reason });
        break;
      }
      case "streamData": {
        const { messageId, blockIndex, kind, offset, text, parentToolUseId: parent } = frame.data;
        const key = `${messageId}/${blockIndex}`;
        const known = find(key);
        if (kind === "toolInput") {
          if (known === undefined)
            put({ kind: "tool", key, name: "", input: {}, result: undefined, live: true, parent });
          break;
        }
        const said = known?.kind === "text" || known?.kind === "thinking" ? known.text : "";
        put({ kind, key, text: said.slice(0, offset) + text, live: true, parent });
        break;
      }
      case "assistantMessage": {
        const { messageId, blockIndex, content, usage, parentToolUseId: parent } = frame.data;
        if (usage && parent === undefined)
          contextTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens + usage.outputTokens;
        content.forEach((block, i) => {
          const key = `${messageId}/${blockIndex + i}`;
          if (block.type === "text" || block.type === "thinking")
            put({ kind: block.type, key, text: block.text, live: false, parent, seq: frame.seq });
        });
        break;
      }
      case "toolUse": {
        const { toolUseId, messageId, blockIndex, name, input, parentToolUseId: parent } = frame.data;
        const live = places.get(`${messageId}/${blockIndex}`);
        const item: Item = {
          kind: "tool",
          key: toolUseId,
          name,
          input: recordOf(input),
          result: undefined,
          live: true,
          parent,
        };
        if (live === undefined) put(item);
        else {
          items[live] = item;
          places.set(toolUseId, live);
        }
        break;
      }
      case "toolResult": {
        const { toolUseId, content, isError, detail } = frame.data;
        const known = find(toolUseId);
        if (known?.kind === "tool")
          put({ ...known, live: false, result: { text: textOf(content), images: imagesOf(content), isError, detail } });
        break;
      }
      case "queueChanged":
        queue = frame.data.messageIds;
        break;
      case "todosChanged":
        ({ todos } = frame.data);
        break;
      case "permissionRequest":
        permissions = [...permissions.filter((one) => one.permissionId !== frame.data.permissionId), frame.data];
        break;
      case "permissionResolved":
        permissions = permissions.filter((one) => one.permissionId !== frame.data.permissionId);
        break;
      case "sessionStatus":
        status = frame.data.status;
        statusReason = frame.data.reason;
        break;
      case "sessionUpdated":
        if (frame.data.obstacle !== undefined) obstacle = frame.data.obstacle?.text;
        break;
      case "turnCompleted": {
        const { result, reason, costUsd: cost, durationMs, sessionCostUsd } = frame.data;
        costUsd = sessionCostUsd ?? costUsd;
        put({ kind: "turn", key: `turn/${frame.seq}`, result, reason, costUsd: cost, durationMs, at: frame.timestamp });
        break;
      }
      case "agentNotice":
        put({
          kind: "notice",
          key: `notice/${frame.seq}`,
          text: frame.data.text,
          isError: frame.data.kind === "silent",
          parent: frame.data.parentToolUseId,
        });
        break;
      case "error":
        put({
          kind: "notice",
          key: `error/${frame.timestamp}`,
          text: frame.data.message,
          isError: true,
          parent: undefined,
        });
        break;
      case "gap":
        put({
          kind: "notice",
          key: `gap/${frame.data.fromSeq}`,
          text: "What was said before is no longer in the log.",
          isError: false,
          parent: undefined,
        });
        break;
      default:
        // What this version does not show, newer ones may.
        break;
    }
  }
  return { items, status, statusReason, permissions, obstacle, queue, todos, costUsd, contextTokens };
}

/**
 * The conversation with the requests that wait for an answer, as the server tells them to whoever begins to follow it: they
 * may have been asked long before what is read here.
 */
export function withPending(before: Conversation, pending: readonly PermissionRequest[]): Conversation {
  const told = new Set(pending.map(({ permissionId }) => permissionId));
  return { ...before, permissions: [...pending, ...before.permissions.filter((one) => !told.has(one.permissionId))] };
}

/** The conversation without a request that turned out to be answered. */
export const withoutRequest = (before: Conversation, permissionId: string): Conversation => ({
  ...before,
  permissions: before.permissions.filter((one) => one.permissionId !== permissionId),
});

const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {};
