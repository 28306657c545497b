import { CompanionError } from "@claude-companion/protocol";
import type { Sessions } from "../sessions/index.ts";
import { actorOf, type Handlers } from "./handlers.ts";

/** What a session's agent offers and can be asked for. */
export function agentHandlers({
  sessions,
}: {
  sessions: Pick<Sessions, "get" | "turnDiff">;
}): Pick<Handlers, "describeAgent" | "getContextUsage" | "setEffort" | "rewindFiles" | "getTurnDiff" | "stopTask"> {
  return {
    async describeAgent(caller, { sessionId }) {
      const session = await sessions.get(caller.user, sessionId);
      return session.consult((agent) => agent.describe());
    },
    async getContextUsage(caller, { sessionId }) {
      const session = await sessions.get(caller.user, sessionId);
      return session.consult((agent) => agent.contextUsage());
    },
    async setEffort(caller, { sessionId, effort }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.configure({ effort }, actorOf(caller));
      return {};
    },
    async rewindFiles(caller, { sessionId, messageId, dryRun }) {
      const session = await sessions.get(caller.user, sessionId);
      const isAtWork = session.state.name === "running" || session.state.name === "waiting";
      if (!dryRun && isAtWork)
        throw new CompanionError("CONFLICT", "The agent is at work in these files. Interrupt it, then rewind.");
      return session.consult((agent) => agent.rewind(messageId, { dryRun }));
    },
    getTurnDiff: (caller, { sessionId, messageId }) => sessions.turnDiff(caller.user, sessionId, messageId),
    async stopTask(caller, { sessionId, taskId }) {
      const session = await sessions.get(caller.user, sessionId);
      if (session.state.name === "hibernated" || session.state.name === "failed")
        throw new CompanionError("CONFLICT", "The agent is not running, and neither is any task of it.");
      await session.consult((agent) => agent.stopTask(taskId));
      return {};
    },
  };
}
