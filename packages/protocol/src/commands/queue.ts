import { z } from "zod";
import { Content, Delivery } from "../content.ts";
import { MessageId, SessionId } from "../ids.ts";
import { Actor } from "../permission.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const second = "9a0f6f0e-52b7-4c6d-8a35-3c5f4dbb0d42";

/** What waits until the agent is free. */
export const queueCommands = {
  listQueue: command({
    summary: "The messages that wait, in the order in which they will be handed over.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/queue" },
    data: z.object({ sessionId: SessionId }),
    ack: z.object({
      messages: z.array(z.object({ messageId: MessageId, content: Content, by: Actor.optional(), delivery: Delivery })),
    }),
    example: {
      data: example.inSession,
      ack: {
        messages: [{ messageId: second, content: "And then the tests", by: example.ada, delivery: "queue" }],
      },
    },
  }),
  withdrawMessage: command({
    summary: "Take back a message that waits. One that was handed over is beyond that: interrupt the turn.",
    rest: { method: "DELETE", path: "/api/sessions/{sessionId}/queue/{messageId}" },
    data: z.object({ sessionId: SessionId, messageId: MessageId }),
    ack: z.object({}),
    errors: ["CONFLICT"],
    example: { data: { ...example.inSession, messageId: second }, ack: {} },
  }),
  moveMessage: command({
    summary: "Put a message that waits before another one, or at the end.",
    rest: { method: "PUT", path: "/api/sessions/{sessionId}/queue/{messageId}" },
    data: z.object({
      sessionId: SessionId,
      messageId: MessageId,
      before: MessageId.optional().meta({ description: "Absent: to the end." }),
    }),
    ack: z.object({ messageIds: z.array(MessageId) }),
    errors: ["CONFLICT"],
    example: {
      data: { ...example.inSession, messageId: second, before: example.messageId },
      ack: { messageIds: [second, example.messageId] },
    },
  }),
};
