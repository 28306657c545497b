import { z } from "zod";
import { Effort } from "./agent.ts";
import { DeviceId, Epoch, Seq, SessionId, Timestamp } from "./ids.ts";
import { PermissionMode, PermissionRequest } from "./permission.ts";

/**
 * What a session is doing. `hibernated`: no process, wakes with the next message. `failed`: the agent cannot go on by
 * itself; the next message tries again. `ended` is for good.
 */
export const SessionStatus = z.enum(["starting", "idle", "running", "waiting", "hibernated", "failed", "ended"]);
export type SessionStatus = z.infer<typeof SessionStatus>;

/**
 * What keeps a session from going on. `usageLimit`: the agent's own account is at its limit. `login`: the agent is not logged
 * in. `budget`: a budget is used up, and a person is asked. `crowd`: as many agents run as may. `memory`: the machine has no
 * room for another agent. `terminal`: somebody
 * has the conversation open in a terminal: it is followed here. The last three go away by themselves.
 */
export const Obstacle = z.object({
  kind: z.enum(["usageLimit", "login", "budget", "crowd", "memory", "terminal"]),
  text: z.string().meta({ description: "What it is and what to do, for people." }),
  since: Timestamp,
  until: Timestamp.optional().meta({ description: "When it is over by itself, if that is known." }),
});
export type Obstacle = z.infer<typeof Obstacle>;

/** What may be spent before a person is asked. Absent: no limit. */
export const Budget = z.object({
  costUsd: z.number().positive().optional(),
  turns: z.int().min(1).optional(),
});
export type Budget = z.infer<typeof Budget>;

/** A session as a list shows it. */
export const SessionSummary = z.object({
  sessionId: SessionId,
  agent: z.string(),
  workingDirectory: z.string(),
  title: z.string(),
  status: SessionStatus,
  statusReason: z.string().optional(),
  model: z.string().optional(),
  effort: Effort.optional(),
  permissionMode: PermissionMode,
  archived: z.boolean(),
  tags: z.array(z.string()),
  conversationStarted: z.boolean(),
  backgrounded: z.boolean().meta({ description: "No device says that it is looking at this session." }),
  createdAt: Timestamp,
  lastActivityAt: Timestamp,
  lastSeq: Seq,
  unread: z.int().min(0).meta({ description: "Events that this device has not acknowledged." }),
  pendingPermissions: z.array(PermissionRequest),
  queuedMessages: z.int().min(0),
  obstacle: Obstacle.optional(),
  budget: Budget.optional().meta({ description: "This session's own; absent: the server's." }),
  continueAfterLimit: z.boolean().meta({ description: "Goes on by itself when a usage limit has reset." }),
});
export type SessionSummary = z.infer<typeof SessionSummary>;

/** What an agent can do; clients ask for capabilities, never for an agent's name. */
export const AgentCapabilities = z.object({
  resume: z.boolean(),
  interrupt: z.boolean(),
  images: z.boolean(),
  setModel: z.boolean(),
  permissionModes: z.array(PermissionMode),
  efforts: z.array(Effort).meta({ description: "Empty: it has no such thing." }),
  steer: z.boolean().meta({ description: "Takes a message into the turn that runs." }),
  rewind: z.boolean().meta({ description: "Can take files back to where they were at a message." }),
  recognisesRepeats: z.boolean().meta({ description: "A message handed over twice is worked on once." }),
});
export type AgentCapabilities = z.infer<typeof AgentCapabilities>;

/** An agent as `welcome` and `/api/agents` show it. */
export const AgentInfo = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string().optional(),
  available: z.boolean(),
  reason: z.string().optional().meta({ description: "Why it is not available, and what to do." }),
  warning: z.string().optional(),
  capabilities: AgentCapabilities,
});
export type AgentInfo = z.infer<typeof AgentInfo>;

/** A session that this device was subscribed to when it was last here. */
export const RestoredSession = z.object({ sessionId: SessionId, epoch: Epoch, lastSeq: Seq, ackedSeq: Seq });
export type RestoredSession = z.infer<typeof RestoredSession>;

/** A device as the server knows it. */
export const DeviceInfo = z.object({
  deviceId: DeviceId,
  name: z.string(),
  lastSeenAt: Timestamp,
  connected: z.boolean(),
});
