import { z } from "zod";
import { Content, Delivery } from "../content.ts";
import { MessageId, Seq, SessionId } from "../ids.ts";
import { PermissionMode } from "../permission.ts";
import { SessionSummary } from "../session.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const data = z.object({ sessionId: SessionId });
const nothing = z.object({});

/** Beginning a session, talking in it, stopping it. */
export const conversationCommands = {
  createSession: command({
    summary: "A session in a directory; by default an active one of the same directory and agent is given back.",
    rest: { method: "POST", path: "/api/sessions", status: 201 },
    data: z.object({
      workingDirectory: z.string().min(1).max(4096),
      sessionId: SessionId.optional().meta({
        description: "Made by the client: asking again with it makes nothing twice.",
      }),
      conversationId: z.uuid().optional().meta({
        description: "Go on with this conversation of the agent, from a terminal for one (listConversations).",
      }),
      agent: z.string().max(100).optional(),
      model: z.string().min(1).max(200).optional(),
      permissionMode: PermissionMode.optional(),
      title: z.string().min(1).max(500).optional(),
      reuse: z.boolean().default(true),
      initialPrompt: z.object({ messageId: MessageId, content: Content }).optional(),
    }),
    ack: z.object({ session: SessionSummary, reused: z.boolean() }),
    errors: ["DIRECTORY_NOT_ALLOWED", "NOT_FOUND", "AGENT_UNAVAILABLE", "SESSION_LIMIT", "CONFLICT"],
    example: {
      data: {
        workingDirectory: "/home/ada/shop",
        reuse: true,
        initialPrompt: { messageId: example.messageId, content: "Fix the login" },
      },
      ack: { session: example.session, reused: false },
    },
  }),
  sendMessage: command({
    summary: "The next instruction. The same messageId again answers the same and does nothing else.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/messages", status: 202 },
    data: data.extend({ messageId: MessageId, content: Content, delivery: Delivery.default("queue") }),
    ack: z.object({ messageId: MessageId, seq: Seq }),
    errors: ["SESSION_ENDED"],
    example: {
      data: {
        ...example.inSession,
        messageId: example.messageId,
        content: [
          { type: "text", text: "What is wrong here?" },
          { type: "image", source: { type: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } },
        ],
      },
      ack: { messageId: example.messageId, seq: 18 },
    },
  }),
  interrupt: command({
    summary: "Stop the turn; what was produced so far stays.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/interrupt" },
    data,
    ack: z.object({ interrupted: z.boolean().meta({ description: "False: nothing was running." }) }),
    errors: ["SESSION_ENDED", "AGENT_FAILED"],
    example: { data: example.inSession, ack: { interrupted: true } },
  }),
  restartAgent: command({
    summary: "End the agent, however it hangs; the next message, or one that waits, goes on with the conversation.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/restart-agent" },
    data,
    ack: z.object({ restarted: z.boolean().meta({ description: "False: no agent was running." }) }),
    errors: ["SESSION_ENDED"],
    example: { data: example.inSession, ack: { restarted: true } },
  }),
  acknowledge: command({
    summary: "Stored or shown up to here; cumulative, never moves back.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/acknowledge" },
    data: data.extend({ seq: Seq }),
    ack: z.object({ ackedSeq: Seq }),
    example: { data: { ...example.inSession, seq: 17 }, ack: { ackedSeq: 17 } },
  }),
  setModel: command({
    summary: "Use another model from now on.",
    rest: { method: "PUT", path: "/api/sessions/{sessionId}/model" },
    data: data.extend({ model: z.string().min(1).max(200) }),
    ack: nothing,
    errors: ["SESSION_ENDED", "AGENT_FAILED"],
    example: { data: { ...example.inSession, model: "claude-haiku-4-5" }, ack: {} },
  }),
  setPermissionMode: command({
    summary: "Ask more or less from now on.",
    rest: { method: "PUT", path: "/api/sessions/{sessionId}/permission-mode" },
    data: data.extend({ permissionMode: PermissionMode }),
    ack: nothing,
    errors: ["SESSION_ENDED", "AGENT_FAILED"],
    example: { data: { ...example.inSession, permissionMode: "acceptEdits" }, ack: {} },
  }),
  sessionBackgrounded: command({
    summary: "The app went out of view.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/backgrounded" },
    data,
    ack: nothing,
    example: { data: example.inSession, ack: {} },
  }),
  sessionForegrounded: command({
    summary: "The app came back into view.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/foregrounded" },
    data,
    ack: nothing,
    example: { data: example.inSession, ack: {} },
  }),
  endSession: command({
    summary: "End a session for good; its history stays until it expires.",
    rest: { method: "DELETE", path: "/api/sessions/{sessionId}" },
    data,
    ack: nothing,
    example: { data: example.inSession, ack: {} },
  }),
};
