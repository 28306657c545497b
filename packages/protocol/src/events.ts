import { z } from "zod";
import { Effort } from "./agent.ts";
import { Content, Delivery, OutputBlock, Usage } from "./content.ts";
import { ErrorCodeSchema } from "./error-schema.ts";
import { MessageId, PermissionId, Seq, SessionId, Timestamp } from "./ids.ts";
import { Actor, PermissionMode, PermissionOutcome, PermissionRequest } from "./permission.ts";
import { Schedule } from "./schedule.ts";
import { Budget, Obstacle, SessionStatus, SessionSummary } from "./session.ts";

const parentToolUseId = z
  .string()
  .optional()
  .meta({ description: "Set when a sub-agent did this: the tool use that started it." });

/** Data of an `error` frame or event. */
export const ErrorData = z.object({
  code: ErrorCodeSchema,
  message: z.string().meta({ description: "For people: what went wrong and what to do next." }),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
  correlationId: z.string().optional().meta({ description: "Finds the request in the server's log and traces." }),
});
export type ErrorData = z.infer<typeof ErrorData>;

/** The events that are stored, have a `seq`, and reach every subscribed device exactly once: type to data. */
export const durableEvents = {
  sessionStatus: z.object({
    status: SessionStatus,
    reason: z.string().optional(),
    model: z.string().optional(),
    permissionMode: PermissionMode.optional(),
    agentVersion: z.string().optional(),
  }),
  sessionUpdated: z.object({
    title: z.string().optional(),
    archived: z.boolean().optional(),
    tags: z.array(z.string()).optional(),
    model: z.string().optional(),
    effort: Effort.optional(),
    permissionMode: PermissionMode.optional(),
    conversationId: z
      .string()
      .optional()
      .meta({ description: "The agent's own conversation; a change means its memory is another." }),
    obstacle: Obstacle.nullable().optional().meta({ description: "Null: it is gone." }),
    budget: Budget.nullable().optional().meta({ description: "Null: the server's again." }),
    continueAfterLimit: z.boolean().optional(),
  }),
  humanMessage: z.object({
    messageId: MessageId,
    content: Content,
    by: Actor.optional(),
    queued: z.boolean().meta({ description: "True: the agent was busy, the message waits its turn." }),
    delivery: Delivery.optional().meta({ description: "Absent: `queue`." }),
    scheduleId: z.uuid().optional().meta({ description: "Sent by this schedule." }),
    correlationId: z.string().optional().meta({ description: "Of the request that sent it, in logs and traces." }),
  }),
  scheduleChanged: z.object({ schedule: Schedule }),
  queueChanged: z.object({
    messageIds: z.array(MessageId).meta({ description: "What waits, in the order in which it will be handed over." }),
  }),
  messageState: z.object({
    messageId: MessageId,
    state: z.enum(["queued", "handedOver", "answered", "withdrawn", "indeterminate", "failed"]),
    reason: z.string().optional(),
  }),
  assistantMessage: z.object({
    messageId: z.string(),
    blockIndex: z.int().min(0).meta({
      description: "Index of the first block of `content` within the message; agents send a message in parts.",
    }),
    content: z.array(OutputBlock),
    model: z.string().optional(),
    parentToolUseId,
    usage: Usage.optional(),
    partial: z.boolean().optional().meta({ description: "The agent died while writing this." }),
  }),
  toolUse: z.object({
    toolUseId: z.string(),
    messageId: z.string(),
    blockIndex: z.int().min(0),
    name: z.string(),
    input: z.unknown(),
    parentToolUseId,
  }),
  toolResult: z.object({
    toolUseId: z.string(),
    content: z.unknown().meta({ description: "As the agent's tool gave it: a string or blocks." }),
    isError: z.boolean(),
    detail: z.unknown().optional().meta({ description: "Structured result for clients, such as a patch." }),
    parentToolUseId,
  }),
  todosChanged: z.object({
    todos: z
      .array(
        z.object({
          id: z.string(),
          text: z.string(),
          activeText: z.string().optional().meta({ description: "What to say while it is being done." }),
          status: z.enum(["pending", "inProgress", "completed"]),
        }),
      )
      .meta({ description: "All that the agent means to do, and what of it is done." }),
  }),
  permissionRequest: PermissionRequest,
  permissionResolved: PermissionOutcome,
  permissionApplied: z.object({ permissionId: PermissionId }),
  turnCompleted: z.object({
    result: z.enum(["success", "error", "interrupted", "limit"]),
    reason: z.string().optional(),
    text: z.string().optional(),
    usage: Usage.optional(),
    costUsd: z.number().optional().meta({ description: "What the agent says this turn cost." }),
    sessionCostUsd: z.number().optional(),
    durationMs: z.number().optional(),
    turns: z.int().optional(),
  }),
  agentNotice: z.object({
    kind: z.enum([
      "retry",
      "rateLimit",
      "compacted",
      "conversationReset",
      "subagent",
      "backgroundTasks",
      "notice",
      "silent",
      "unreadable",
    ]),
    text: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    parentToolUseId,
  }),
  error: ErrorData,
} as const satisfies Record<string, z.ZodType>;

/** Name of a durable event. */
export type DurableType = keyof typeof durableEvents;
/** Data of a durable event. */
export type DurableData<T extends DurableType> = z.infer<(typeof durableEvents)[T]>;
/** A durable event before it has a position. */
export type DurableEvent = { [T in DurableType]: { type: T; data: DurableData<T> } }[DurableType];

/** Names of durable events, for filters. */
export const DurableTypeSchema = z.enum(Object.keys(durableEvents) as [DurableType, ...DurableType[]]);

/** Live text: deltas are merged for slow clients and never stored. */
export const StreamData = z.object({
  messageId: z.string(),
  blockIndex: z.int().min(0),
  kind: z.enum(["text", "thinking", "toolInput"]),
  offset: z.int().min(0).meta({ description: "UTF-16 code units of this block that came before `text`." }),
  text: z.string(),
  parentToolUseId,
});
export type StreamData = z.infer<typeof StreamData>;

/** Events that are missing and cannot be had any more from the log. */
export const Gap = z.object({
  fromSeq: Seq,
  toSeq: Seq,
  reason: z.enum(["expired", "reset"]),
  epoch: z.string(),
  firstSeq: Seq,
});
export type Gap = z.infer<typeof Gap>;

/** Set on a replayed event: it waited. */
export const Queued = z.object({ queuedAt: Timestamp, deliveredAt: Timestamp });

const durableFrame = <T extends DurableType>(type: T) =>
  z.object({
    type: z.literal(type),
    sessionId: SessionId,
    seq: z.int().min(1).optional().meta({ description: "Absent on the copies that `watchSessions` sends." }),
    timestamp: Timestamp,
    queued: Queued.optional(),
    data: durableEvents[type],
  });

/** A stored event on the wire. */
export const sessionEventFrames = {
  sessionStatus: durableFrame("sessionStatus"),
  humanMessage: durableFrame("humanMessage"),
  queueChanged: durableFrame("queueChanged"),
  messageState: durableFrame("messageState"),
  scheduleChanged: durableFrame("scheduleChanged"),
  assistantMessage: durableFrame("assistantMessage"),
  toolUse: durableFrame("toolUse"),
  toolResult: durableFrame("toolResult"),
  todosChanged: durableFrame("todosChanged"),
  permissionRequest: durableFrame("permissionRequest"),
  permissionResolved: durableFrame("permissionResolved"),
  permissionApplied: durableFrame("permissionApplied"),
  turnCompleted: durableFrame("turnCompleted"),
  agentNotice: durableFrame("agentNotice"),
} as const;

/** `sessionUpdated` is stored (with `seq`), or the live form for lists (with `session`, without `seq`). */
export const SessionUpdatedFrame = durableFrame("sessionUpdated").extend({
  data: durableEvents.sessionUpdated.extend({ session: SessionSummary.optional() }),
});
