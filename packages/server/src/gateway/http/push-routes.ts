import { PushActionRequest, SessionId } from "@claude-companion/protocol";
import { z } from "zod";
import type { ActOnNotification } from "../../commands/index.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

/** The lock screen has no token of the server's, only the one that came with the notification. */
export function addPushRoutes(app: HttpServer, act: ActOnNotification): void {
  app.post(
    "/api/push-notifications/actions",
    {
      config: { isOpen: true },
      schema: {
        operationId: "actOnNotification",
        summary: "Allow, deny or reply from a notification, with the token that came in it and no other login.",
        tags: ["push-notifications"],
        security: [],
        body: PushActionRequest,
        response: { 200: z.object({ sessionId: SessionId }), default: Problem },
      },
    },
    ({ body }) => act(body),
  );
}
