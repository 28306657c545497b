import type { PushPlatform } from "@claude-companion/protocol";

/** A channel is nobody's eyes: that a person looks at another device says nothing about it. */
export const isChannel = (platform: PushPlatform): boolean => platform === "ntfy" || platform === "webhook";
