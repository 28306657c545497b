import { z } from "zod";
import { type CommandInput, type CommandType, commands } from "./commands/index.ts";
import { ErrorData, Gap, SessionUpdatedFrame, StreamData, sessionEventFrames } from "./events.ts";
import { RequestId, Seq, SessionId, Timestamp } from "./ids.ts";
import { AgentInfo, RestoredSession } from "./session.ts";

/** Version of the wire. Raised when an old client could misunderstand; fields may be added without raising it. */
export const PROTOCOL_VERSION = 1;

/** The first frame on every connection. */
export const Welcome = z.object({
  clientId: z.string(),
  deviceId: z.string(),
  deviceIdSource: z
    .enum(["client", "fingerprint"])
    .meta({ description: "`fingerprint`: derived, because the client sent none." }),
  protocol: z.literal(PROTOCOL_VERSION),
  serverVersion: z.string(),
  user: z.string(),
  agents: z.array(AgentInfo),
  limits: z.object({ frameBytesMax: z.int(), commandsPerSecond: z.number(), sessionsMax: z.int() }),
  heartbeatSeconds: z.number(),
  restored: z.array(RestoredSession),
});
export type Welcome = z.infer<typeof Welcome>;

const timed = { timestamp: Timestamp };

/** Every frame that the server may send. */
export const ServerFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), ...timed, data: Welcome }),
  z.object({ type: z.literal("ack"), requestId: RequestId, ...timed, data: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.literal("pong"), requestId: RequestId, ...timed, data: z.object({ timestamp: Timestamp }) }),
  z.object({
    type: z.literal("error"),
    requestId: RequestId.optional(),
    sessionId: SessionId.optional(),
    seq: Seq.optional(),
    ...timed,
    queued: z.object({ queuedAt: Timestamp, deliveredAt: Timestamp }).optional(),
    data: ErrorData,
  }),
  z.object({ type: z.literal("gap"), sessionId: SessionId, ...timed, data: Gap }),
  z.object({ type: z.literal("streamData"), sessionId: SessionId, ...timed, data: StreamData }),
  ...Object.values(sessionEventFrames),
  SessionUpdatedFrame,
]);
export type ServerFrame = z.infer<typeof ServerFrame>;

const commandFrames = Object.entries(commands).map(([type, { data }]) =>
  z.object({ type: z.literal(type), requestId: RequestId, data }),
);
/** Every frame that a client may send. */
export type ClientFrame = {
  [T in CommandType]: { type: T; requestId: string; data: CommandInput<T> };
}[CommandType];
// A table gives its rows no order that the compiler could follow: the type is spelled out above.
export const ClientFrame = z.discriminatedUnion("type", commandFrames as never) as z.ZodType<ClientFrame>;

/** A stored event of a session as a client gets it. */
export type SessionEventFrame = Extract<ServerFrame, { seq?: number | undefined; sessionId?: string | undefined }>;
