import { z } from "zod";
import { DurableTypeSchema } from "../events.ts";
import { Epoch, Seq, SessionId, Timestamp } from "../ids.ts";
import { PermissionRequest } from "../permission.ts";
import { SessionStatus, SessionSummary } from "../session.ts";
import { connectionCommand } from "./command.ts";
import * as example from "./examples.ts";

/** What flows on a connection. */
export const connectionCommands = {
  subscribe: connectionCommand({
    summary: "Replay after a position, then live, with no seam.",
    data: z.object({
      sessionId: SessionId,
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
    errors: ["SESSION_NOT_FOUND"],
    example: {
      data: { ...example.inSession, after: 14, epoch: "e1" },
      ack: { epoch: "e1", firstSeq: 1, lastSeq: 17, after: 14, status: "idle", pendingPermissions: [] },
    },
  }),
  unsubscribe: connectionCommand({
    summary: "Stop the events of a session.",
    data: z.object({ sessionId: SessionId }),
    ack: z.object({}),
    example: { data: example.inSession, ack: {} },
  }),
  watchSessions: connectionCommand({
    summary: "All of the user's sessions, then their changes.",
    data: z.object({}),
    ack: z.object({ sessions: z.array(SessionSummary) }),
    example: { data: {}, ack: { sessions: [example.session] } },
  }),
  ping: connectionCommand({
    summary: "Is anybody there? Answered by `pong`.",
    data: z.object({}),
    ack: z.object({ timestamp: Timestamp }),
    example: { data: {}, ack: { timestamp: example.timestamp } },
  }),
};
