import { z } from "zod";
import { Content } from "./content.ts";
import { DurableTypeSchema } from "./events.ts";
import { Epoch, MessageId, PermissionId, RequestId, Seq, SessionId, Timestamp } from "./ids.ts";
import { PermissionAnswer, PermissionMode, PermissionOutcome, PermissionRequest } from "./permission.ts";
import { SessionStatus, SessionSummary } from "./session.ts";

const nothing = z.object({});
const inSession = { sessionId: SessionId };

/**
 * The one table of commands: what a client may ask, and what its `ack` holds. WebSocket and REST are two doors to the
 * same commands; those with `connection: true` change what flows on a connection and exist on WebSocket only.
 */
export const commands = {
  subscribe: {
    connection: true,
    summary: "Replay after a position, then live, with no seam.",
    data: z.object({
      ...inSession,
      after: z.union([Seq, z.enum(["acked", "latest"])]).default("acked"),
      epoch: Epoch.optional(),
      events: z.array(DurableTypeSchema.or(z.literal("streamData"))).optional(),
    }),
    ack: z.object({
      epoch: Epoch,
      firstSeq: Seq.meta({ description: "The oldest event still in the log." }),
      lastSeq: Seq,
      after: Seq.meta({ description: "The position from which events follow." }),
      status: SessionStatus,
      pendingPermissions: z.array(PermissionRequest),
    }),
  },
  unsubscribe: { connection: true, summary: "Stop the events of a session.", data: z.object(inSession), ack: nothing },
  watchSessions: {
    connection: true,
    summary: "All of the user's sessions, then their changes.",
    data: nothing,
    ack: z.object({ sessions: z.array(SessionSummary) }),
  },
  ping: { connection: true, summary: "Is anybody there?", data: nothing, ack: z.object({ timestamp: Timestamp }) },
  acknowledge: {
    connection: false,
    summary: "Stored or shown up to here; cumulative, never moves back.",
    data: z.object({ ...inSession, seq: Seq }),
    ack: z.object({ ackedSeq: Seq }),
  },
  createSession: {
    connection: false,
    summary: "A session in a directory; by default an active one of the same directory and agent is given back.",
    data: z.object({
      workingDirectory: z.string().min(1).max(4096),
      sessionId: SessionId.optional().meta({
        description: "Made by the client: asking again with it makes nothing twice.",
      }),
      agent: z.string().max(100).optional(),
      model: z.string().min(1).max(200).optional(),
      permissionMode: PermissionMode.optional(),
      title: z.string().min(1).max(500).optional(),
      reuse: z.boolean().default(true),
      initialPrompt: z.object({ messageId: MessageId, content: Content }).optional(),
    }),
    ack: z.object({ session: SessionSummary, reused: z.boolean() }),
  },
  sendMessage: {
    connection: false,
    summary: "The next instruction. The same messageId again answers the same and does nothing else.",
    data: z.object({ ...inSession, messageId: MessageId, content: Content }),
    ack: z.object({ messageId: MessageId, seq: Seq }),
  },
  interrupt: {
    connection: false,
    summary: "Stop the turn; what was produced so far stays.",
    data: z.object(inSession),
    ack: z.object({ interrupted: z.boolean().meta({ description: "False: nothing was running." }) }),
  },
  restartAgent: {
    connection: false,
    summary: "End the agent, however it hangs; the next message, or one that waits, goes on with the conversation.",
    data: z.object(inSession),
    ack: z.object({ restarted: z.boolean().meta({ description: "False: no agent was running." }) }),
  },
  respondPermission: {
    connection: false,
    summary: "Answer a permission request; the first answer wins.",
    data: z.object({ ...inSession, permissionId: PermissionId, ...PermissionAnswer.shape }),
    ack: z.object({ outcome: PermissionOutcome }),
  },
  setModel: {
    connection: false,
    summary: "Use another model from now on.",
    data: z.object({ ...inSession, model: z.string().min(1).max(200) }),
    ack: nothing,
  },
  setPermissionMode: {
    connection: false,
    summary: "Ask more or less from now on.",
    data: z.object({ ...inSession, permissionMode: PermissionMode }),
    ack: nothing,
  },
  sessionBackgrounded: {
    connection: false,
    summary: "The app went out of view.",
    data: z.object(inSession),
    ack: nothing,
  },
  sessionForegrounded: {
    connection: false,
    summary: "The app came back into view.",
    data: z.object(inSession),
    ack: nothing,
  },
  endSession: {
    connection: false,
    summary: "End a session for good; its history stays until it expires.",
    data: z.object(inSession),
    ack: nothing,
  },
} as const satisfies Record<string, { connection: boolean; summary: string; data: z.ZodObject; ack: z.ZodObject }>;

/** Name of a command. */
export type CommandType = keyof typeof commands;
/** What a handler gets: data after defaults were filled in. */
export type CommandData<T extends CommandType> = z.output<(typeof commands)[T]["data"]>;
/** What a client writes: data before defaults. */
export type CommandInput<T extends CommandType> = z.input<(typeof commands)[T]["data"]>;
/** What the `ack` of a command holds. */
export type CommandAck<T extends CommandType> = z.infer<(typeof commands)[T]["ack"]>;
/** Commands that exist on WebSocket only. */
export type ConnectionCommand = {
  [T in CommandType]: (typeof commands)[T]["connection"] extends true ? T : never;
}[CommandType];
/** Commands that exist on WebSocket and REST. */
export type RequestCommand = Exclude<CommandType, ConnectionCommand>;

/** True for the name of a command. */
export const isCommandType = (value: unknown): value is CommandType =>
  typeof value === "string" && Object.hasOwn(commands, value);

/** The envelope around every command. */
export const CommandEnvelope = z.object({ type: z.string(), requestId: RequestId, data: z.unknown().optional() });
