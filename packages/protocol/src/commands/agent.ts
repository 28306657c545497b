import { z } from "zod";
import { AgentDescription, ContextUsage, Effort, Rewind } from "../agent.ts";
import { MessageId, SessionId } from "../ids.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const data = z.object({ sessionId: SessionId });
const errors = ["SESSION_ENDED", "AGENT_UNAVAILABLE", "AGENT_FAILED"] as const;

/** What a session's agent offers and can be asked for. A sleeping one is woken. */
export const agentCommands = {
  describeAgent: command({
    summary: "The slash commands and skills, models and sub-agents of this session.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/agent" },
    data,
    ack: AgentDescription,
    errors,
    example: {
      data: example.inSession,
      ack: {
        commands: [
          {
            name: "compact",
            description: "Summarise the conversation to free context",
            argumentHint: "[instructions]",
            aliases: [],
            builtIn: true,
          },
        ],
        models: [
          { model: "opus", name: "Opus", description: "For hard work", efforts: ["low", "medium", "high", "max"] },
        ],
        subagents: [{ name: "general-purpose", description: "Researches and carries out tasks of several steps" }],
      },
    },
  }),
  getContextUsage: command({
    summary: "How full the agent's context window is, and with what.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/context" },
    data,
    ack: ContextUsage,
    errors,
    example: {
      data: example.inSession,
      ack: {
        model: "claude-opus-5-5",
        totalTokens: 19_363,
        maxTokens: 200_000,
        percentage: 10,
        categories: [{ name: "Messages", tokens: 4_728, kind: "used" }],
      },
    },
  }),
  setEffort: command({
    summary: "Think more or less from now on.",
    rest: { method: "PUT", path: "/api/sessions/{sessionId}/effort" },
    data: data.extend({ effort: Effort }),
    ack: z.object({}),
    errors: ["SESSION_ENDED", "AGENT_FAILED"],
    example: { data: { ...example.inSession, effort: "low" }, ack: {} },
  }),
  rewindFiles: command({
    summary:
      "Take the files that the agent edited back to where they were before a message. By default only tells what that would change.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/rewind" },
    data: data.extend({ messageId: MessageId, dryRun: z.boolean().default(true) }),
    ack: Rewind,
    errors: [...errors, "CONFLICT"],
    example: {
      data: { ...example.inSession, messageId: example.messageId, dryRun: true },
      ack: {
        canRewind: true,
        files: ["/home/ada/shop/login.ts"],
        diff: "--- /home/ada/shop/login.ts\tnow\n+++ /home/ada/shop/login.ts\tthen\n@@ -1,1 +1,1 @@\n-let user;\n+const user = find();\n",
        insertions: 1,
        deletions: 1,
        skipped: 0,
      },
    },
  }),
  getTurnDiff: command({
    summary: "What changed from one of your messages to the next, or until now, in the files that the agent edited.",
    rest: { method: "GET", path: "/api/sessions/{sessionId}/turns/{messageId}/diff" },
    data: data.extend({ messageId: MessageId }),
    ack: z.object({ files: z.array(z.string()), diff: z.string() }),
    errors: ["NOT_FOUND"],
    example: {
      data: { ...example.inSession, messageId: example.messageId },
      ack: {
        files: ["/home/ada/shop/login.ts"],
        diff: "--- /home/ada/shop/login.ts\tbefore\n+++ /home/ada/shop/login.ts\tafter\n@@ -1,1 +1,1 @@\n-let user;\n+const user = find();\n",
      },
    },
  }),
  stopTask: command({
    summary: "Stop a background task or sub-agent; `agentNotice` tells their ids in `details.taskId`.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/tasks/{taskId}/stop" },
    data: data.extend({ taskId: z.string().min(1).max(200) }),
    ack: z.object({}),
    errors: ["SESSION_ENDED", "AGENT_FAILED", "CONFLICT"],
    example: { data: { ...example.inSession, taskId: "aee6e1e8b209b8df0" }, ack: {} },
  }),
};
