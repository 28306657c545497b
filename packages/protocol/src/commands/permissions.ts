import { z } from "zod";
import { PermissionId, SessionId } from "../ids.ts";
import { PermissionAnswer, PermissionOutcome } from "../permission.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

/** What agents may do, and who said so. */
export const permissionCommands = {
  respondPermission: command({
    summary: "Answer a permission request; the first answer wins.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/permissions/{permissionId}" },
    data: z.object({ sessionId: SessionId, permissionId: PermissionId, ...PermissionAnswer.shape }),
    ack: z.object({ outcome: PermissionOutcome }),
    errors: ["PERMISSION_NOT_FOUND", "ALREADY_RESOLVED"],
    example: {
      data: { ...example.inSession, permissionId: "96b7e1e2", decision: "deny", message: "Use the other file." },
      ack: {
        outcome: {
          permissionId: "96b7e1e2",
          decision: "deny",
          by: example.ada,
          message: "Use the other file.",
          resolvedAt: example.timestamp,
        },
      },
    },
  }),
};
