import type { Positions } from "../delivery/index.ts";
import type { EventLog, SearchIndex } from "../log/index.ts";
import type { Directories, Files, Git, GitRunner } from "../projects/index.ts";
import type { Attention, Push } from "../push/index.ts";
import type { Records } from "../records/index.ts";
import type { Schedules } from "../schedules/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Uploads } from "../uploads/index.ts";
import { agentHandlers } from "./agent-handlers.ts";
import { byHand } from "./by-hand.ts";
import { actorOf, type Handlers } from "./handlers.ts";
import { permissionHandlers } from "./permission-handlers.ts";
import { projectHandlers } from "./project-handlers.ts";
import { pushHandlers } from "./push-handlers.ts";
import { queueHandlers } from "./queue-handlers.ts";
import { scheduleHandlers } from "./schedule-handlers.ts";
import { sessionHandlers } from "./session-handlers.ts";
import { summaryFor } from "./summary.ts";
import { uploadHandlers } from "./upload-handlers.ts";
import { usageHandlers } from "./usage-handlers.ts";

/** The handlers of all commands that both doors (WebSocket and REST) lead to. */
export function createHandlers(house: {
  sessions: Sessions;
  positions: Pick<Positions, "find" | "acknowledge">;
  log: Pick<EventLog, "head">;
  records: Pick<Records, "audit" | "turns" | "sessions">;
  search: SearchIndex;
  directories: Directories;
  files: Files;
  git: Git;
  runGit: GitRunner;
  allowNewProjects: boolean;
  uploads: Uploads;
  schedules: Schedules;
  push: Push;
  attention: Attention;
}): Handlers {
  const { sessions, positions, attention } = house;

  return byHand(attention, {
    ...pushHandlers(house),
    ...usageHandlers(house),
    ...uploadHandlers(house),
    ...scheduleHandlers(house),
    ...projectHandlers(house),
    ...sessionHandlers(house),
    ...agentHandlers(house),
    ...queueHandlers(house),
    ...permissionHandlers(house),
    async acknowledge(caller, { sessionId, seq }) {
      await sessions.get(caller.user, sessionId);
      const head = await house.log.head(sessionId);
      // A position that the log has not reached is another log's: it must not count as read what is yet to come.
      if (head === undefined || seq > head.lastSeq)
        return { ackedSeq: (await positions.find(caller.deviceId, sessionId))?.ackedSeq ?? 0 };
      return {
        ackedSeq: await positions.acknowledge({ deviceId: caller.deviceId, sessionId, epoch: head.epoch, seq }),
      };
    },
    async createSession(caller, { initialPrompt, ...request }) {
      const { session, reused } = await sessions.create({
        user: caller.user,
        sessionId: request.sessionId,
        workingDirectory: request.workingDirectory,
        agent: request.agent,
        model: request.model,
        permissionMode: request.permissionMode,
        title: request.title,
        conversationId: request.conversationId,
        reuse: request.reuse,
      });
      if (initialPrompt) await session.send({ ...initialPrompt, delivery: "queue", by: actorOf(caller) });
      return { session: await summaryFor(caller, sessions.summary(session), positions), reused };
    },
    async sendMessage(caller, { sessionId, ...message }) {
      const session = await sessions.get(caller.user, sessionId);
      const { seq } = await session.send({ ...message, by: actorOf(caller) });
      return { messageId: message.messageId, seq };
    },
    async restartAgent(caller, { sessionId }) {
      const session = await sessions.get(caller.user, sessionId);
      return { restarted: await session.restartAgent() };
    },
    async interrupt(caller, { sessionId }) {
      const session = await sessions.get(caller.user, sessionId);
      return { interrupted: await session.interrupt() };
    },
    async setModel(caller, { sessionId, model }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.configure({ model }, actorOf(caller));
      return {};
    },
    async setPermissionMode(caller, { sessionId, permissionMode }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.configure({ permissionMode }, actorOf(caller));
      return {};
    },
    async sessionBackgrounded(caller, { sessionId }) {
      await sessions.get(caller.user, sessionId);
      sessions.setForeground(sessionId, caller.deviceId, false);
      attention.lookedAway(caller.deviceId, sessionId);
      return {};
    },
    async sessionForegrounded(caller, { sessionId }) {
      await sessions.get(caller.user, sessionId);
      sessions.setForeground(sessionId, caller.deviceId, true);
      return {};
    },
    async endSession(caller, { sessionId }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.end("endedByUser");
      return {};
    },
  });
}
