import type { PermissionRequest } from "@claude-companion/protocol";

/** A prompt that waits in a session. */
export interface WaitingPrompt {
  sessionId: string;
  request: PermissionRequest;
}
