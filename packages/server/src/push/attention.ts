import type { Clock } from "../clock.ts";

/** What a person did that long ago is no sign of attention any more. */
const attentionMs = 60_000;

/**
 * Who looks at what. Attention decides who is told, not connections: a device looks at a session only while it has said
 * that it shows it and its person did something within the last minute. An open socket, a forgotten tab or a program's
 * own connection never keeps a phone silent; in doubt nobody looks.
 */
export interface Attention {
  /** A device shows a session, or its person does something there. */
  acted(deviceId: string, sessionId: string): void;
  /** A device shows a session no longer. */
  lookedAway(deviceId: string, sessionId: string): void;
  /** A device is gone: it looks at nothing. */
  gone(deviceId: string): void;
  /** Until when the device looks at the session if nothing more happens (clock time in ms); undefined: it does not. */
  lookingUntil(deviceId: string, sessionId: string): number | undefined;
  /** Whether a person does on another device. */
  isLookedAtElsewhere(deviceId: string, sessionId: string): boolean;
  /** When a person last did something there, on any device. */
  lastActedAt(sessionId: string): number | undefined;
  /** Called after each change. @returns stops it */
  watch(listener: (deviceId: string, sessionId: string) => void): () => void;
}

export function createAttention(clock: Pick<Clock, "now">): Attention {
  /** Session, device, and when its person last did something there. */
  const sessions = new Map<string, Map<string, number>>();
  /** The last of all, kept when nobody looks any more. */
  const lastActed = new Map<string, number>();
  const listeners = new Set<(deviceId: string, sessionId: string) => void>();
  const tell = (deviceId: string, sessionId: string) => {
    for (const listener of listeners) listener(deviceId, sessionId);
  };
  const until = (actedAt: number | undefined) => {
    if (actedAt === undefined) return undefined;
    // A clock that was set back makes no attention of old.
    const isNow = actedAt <= clock.now() && clock.now() < actedAt + attentionMs;
    return isNow ? actedAt + attentionMs : undefined;
  };

  const attention: Attention = {
    acted(deviceId, sessionId) {
      const devices = sessions.get(sessionId) ?? new Map<string, number>();
      sessions.set(sessionId, devices.set(deviceId, clock.now()));
      lastActed.set(sessionId, clock.now());
      tell(deviceId, sessionId);
    },
    lookedAway(deviceId, sessionId) {
      const devices = sessions.get(sessionId);
      if (!devices?.delete(deviceId)) return;
      if (devices.size === 0) sessions.delete(sessionId);
      tell(deviceId, sessionId);
    },
    gone(deviceId) {
      for (const sessionId of [...sessions.keys()]) attention.lookedAway(deviceId, sessionId);
    },
    lookingUntil: (deviceId, sessionId) => until(sessions.get(sessionId)?.get(deviceId)),
    isLookedAtElsewhere: (deviceId, sessionId) =>
      [...(sessions.get(sessionId) ?? [])].some(([other, at]) => other !== deviceId && until(at) !== undefined),
    lastActedAt: (sessionId) => lastActed.get(sessionId),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return attention;
}
