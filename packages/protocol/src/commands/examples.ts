import type { z } from "zod";
import type { SessionSummary } from "../session.ts";
import type { Upload } from "../upload.ts";

/** What the examples of the documents speak of: Ada, her phone, her shop. */
export const sessionId = "4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11";
export const messageId = "7e6d1c0a-0a52-4a0e-8d4b-5a3a1f3b2c10";
export const deviceId = "0d9f6a54-3b0e-4c4e-9f5d-1c2b3a495867";
export const timestamp = "2026-11-24T13:00:00.123Z";
export const inSession = { sessionId };
export const ada = { deviceId, name: "Ada's phone" };

export const session: z.infer<typeof SessionSummary> = {
  sessionId,
  agent: "claude",
  workingDirectory: "/home/ada/shop",
  title: "Fix the login",
  status: "idle",
  permissionMode: "default",
  archived: false,
  tags: [],
  conversationStarted: true,
  backgrounded: false,
  createdAt: timestamp,
  lastActivityAt: timestamp,
  lastSeq: 17,
  unread: 3,
  pendingPermissions: [],
  queuedMessages: 0,
  continueAfterLimit: false,
};

export const upload: z.infer<typeof Upload> = {
  uploadId: "c1a7d0b2-6f0e-4c4e-9f5d-77aa3a495867",
  name: "login.png",
  mediaType: "image/png",
  bytes: 121_824,
  createdAt: timestamp,
  expiresAt: "2026-12-24T13:00:00.123Z",
};
