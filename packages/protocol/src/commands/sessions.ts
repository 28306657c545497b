import { z } from "zod";
import { DurableTypeSchema } from "../events.ts";
import { MessageId, Seq, SessionId, Timestamp } from "../ids.ts";
import { Budget, SessionSummary } from "../session.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const limit = z.int().min(1).max(500).default(100);
const next = z
  .string()
  .optional()
  .meta({ description: "Give it as `before` for the next page; absent: that was all." });
const before = z.string().max(200).optional().meta({ description: "`next` of the page before." });

const HistoryItem = z.object({
  type: DurableTypeSchema,
  sessionId: SessionId,
  seq: Seq.optional().meta({ description: "Absent: from the agent's own transcript." }),
  timestamp: Timestamp.optional(),
  data: z.unknown(),
});

const Conversation = z.object({
  conversationId: z.uuid(),
  agent: z.string(),
  title: z.string(),
  workingDirectory: z.string(),
  branch: z.string().optional(),
  createdAt: Timestamp,
  lastActivityAt: Timestamp,
  running: z.boolean().meta({ description: "A process has it now: a session here, or somebody's terminal." }),
  sessionId: SessionId.optional().meta({ description: "The session here that goes on with it, if there is one." }),
});

/** All sessions and conversations, and what was said in them. */
export const sessionCommands = {
  listSessions: command({
    summary: "Your sessions, those last used first.",
    rest: { method: "GET", path: "/api/sessions" },
    data: z.object({
      search: z.string().max(200).optional().meta({ description: "Words in title or directory." }),
      archived: z.boolean().default(false),
      tag: z.string().max(100).optional(),
      limit: z.int().min(1).max(1_000).default(1_000),
      before,
    }),
    ack: z.object({ sessions: z.array(SessionSummary), next }),
    example: { data: { search: "login", limit: 50 }, ack: { sessions: [example.session] } },
  }),
  updateSession: command({
    summary: "Rename, archive or tag a session; say what it may spend and whether it goes on after a usage limit.",
    rest: { method: "PUT", path: "/api/sessions/{sessionId}" },
    data: z.object({
      sessionId: SessionId,
      title: z.string().trim().min(1).max(500).optional(),
      archived: z.boolean().optional(),
      tags: z.array(z.string().trim().min(1).max(100)).max(50).optional(),
      budget: Budget.nullable().optional().meta({ description: "Null: the server's." }),
      continueAfterLimit: z.boolean().optional(),
    }),
    ack: z.object({ session: SessionSummary }),
    example: {
      data: { ...example.inSession, title: "Fix the login", tags: ["urgent"], budget: { costUsd: 5 } },
      ack: { session: { ...example.session, tags: ["urgent"], budget: { costUsd: 5 } } },
    },
  }),
  deleteSession: command({
    summary:
      "End a session and erase it here: its events, requests, queue and positions. The agent's own transcript stays.",
    rest: { method: "DELETE", path: "/api/sessions/{sessionId}/data" },
    data: z.object({ sessionId: SessionId }),
    ack: z.object({}),
    example: { data: example.inSession, ack: {} },
  }),
  forkSession: command({
    summary:
      "A new session that remembers the same conversation, up to a message or all of it. The old one stays as it is.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/fork", status: 201 },
    data: z.object({
      sessionId: SessionId,
      upToMessageId: MessageId.optional().meta({ description: "The last message of yours that it remembers." }),
      title: z.string().trim().min(1).max(500).optional(),
    }),
    ack: z.object({ session: SessionSummary }),
    errors: ["CONFLICT", "SESSION_LIMIT"],
    example: {
      data: { ...example.inSession, upToMessageId: example.messageId, title: "Fix the login, otherwise" },
      ack: { session: { ...example.session, title: "Fix the login, otherwise" } },
    },
  }),
  readHistory: command({
    summary:
      "The whole conversation, page by page from its end: also what has expired from the log, or was said before there was one.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/history" },
    data: z.object({
      sessionId: SessionId,
      limit,
      before: before.meta({ description: "`next` of the page before; `log.17`: what was before the event 17." }),
    }),
    ack: z.object({ items: z.array(HistoryItem), next }),
    example: {
      data: { ...example.inSession, limit: 100 },
      ack: {
        items: [
          {
            type: "humanMessage",
            sessionId: example.sessionId,
            seq: 1,
            timestamp: example.timestamp,
            data: { messageId: example.messageId, content: "Fix the login", queued: false },
          },
        ],
      },
    },
  }),
  searchMessages: command({
    summary:
      "Find what was said, in all of your sessions or in one: every word must stand there, the last may be a beginning.",
    rest: { method: "GET", path: "/api/search" },
    data: z.object({ query: z.string().min(1).max(500), sessionId: SessionId.optional(), limit, before }),
    ack: z.object({
      hits: z.array(
        z.object({
          sessionId: SessionId,
          title: z.string().meta({ description: "Of the session." }),
          seq: Seq,
          type: z.enum(["humanMessage", "assistantMessage"]),
          timestamp: Timestamp,
          text: z.string().meta({ description: "The words around it." }),
          highlights: z
            .array(z.tuple([z.int(), z.int()]))
            .meta({ description: "Where in `text` the words stand: begin and end in UTF-16 code units." }),
        }),
      ),
      next,
    }),
    example: {
      data: { query: "login pag" },
      ack: {
        hits: [
          {
            sessionId: example.sessionId,
            title: "Fix the login",
            seq: 1,
            type: "humanMessage",
            timestamp: example.timestamp,
            text: "Fix the login page",
            highlights: [
              [8, 13],
              [14, 18],
            ],
          },
        ],
      },
    },
  }),
  exportSession: command({
    summary: "The whole conversation as one text: Markdown to read, or JSON with every event.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/export" },
    data: z.object({ sessionId: SessionId, format: z.enum(["markdown", "json"]).default("markdown") }),
    ack: z.object({ name: z.string(), mediaType: z.string(), content: z.string() }),
    errors: ["PAYLOAD_TOO_LARGE"],
    example: {
      data: { ...example.inSession, format: "markdown" },
      ack: {
        name: "fix-the-login.md",
        mediaType: "text/markdown",
        content: "# Fix the login\n\n## You\n\nFix the login\n",
      },
    },
  }),
  listConversations: command({
    summary:
      "What the agents themselves remember, terminals included. Go on with one: createSession with its conversationId.",
    rest: { method: "GET", path: "/api/conversations" },
    data: z.object({ search: z.string().max(200).optional(), limit }),
    ack: z.object({ conversations: z.array(Conversation) }),
    example: {
      data: { search: "login" },
      ack: {
        conversations: [
          {
            conversationId: "c194de86-d2b1-4cc2-a5c4-4ed44ec3b268",
            agent: "claude",
            title: "Fix the login",
            workingDirectory: "/home/ada/shop",
            branch: "main",
            createdAt: example.timestamp,
            lastActivityAt: example.timestamp,
            running: false,
          },
        ],
      },
    },
  }),
};
