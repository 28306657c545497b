import type { Sessions } from "../sessions/index.ts";
import type { Handlers } from "./handlers.ts";

/** What waits until the agent is free. */
export function queueHandlers({
  sessions,
}: {
  sessions: Pick<Sessions, "get">;
}): Pick<Handlers, "listQueue" | "withdrawMessage" | "moveMessage"> {
  return {
    async listQueue(caller, { sessionId }) {
      const { queue } = await sessions.get(caller.user, sessionId);
      return {
        messages: queue.map(({ messageId, content, by, delivery = "queue" }) => ({ messageId, content, by, delivery })),
      };
    },
    async withdrawMessage(caller, { sessionId, messageId }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.withdraw(messageId);
      return {};
    },
    async moveMessage(caller, { sessionId, messageId, before }) {
      const session = await sessions.get(caller.user, sessionId);
      return { messageIds: await session.move(messageId, before) };
    },
  };
}
