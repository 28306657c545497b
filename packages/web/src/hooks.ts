import type { Companion, ConnectionState } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Conversation, emptyConversation, withFrames } from "./conversation.ts";

export type SessionSummary = CommandAck<"watchSessions">["sessions"][number];

/** What the connection is like now. */
export const useConnection = (companion: Companion): ConnectionState =>
  useSyncExternalStore(companion.onState, () => companion.state);

/** All sessions, kept up to date; undefined until they are known. */
export function useSessions(companion: Companion): readonly SessionSummary[] | undefined {
  const [sessions, setSessions] = useState<readonly SessionSummary[]>();
  useEffect(() => companion.watchSessions((list) => setSessions([...list])), [companion]);
  return sessions;
}

/** A session's conversation, live. What comes within one frame of the screen is shown together. */
export function useConversation(companion: Companion, sessionId: string): Conversation {
  const [conversation, setConversation] = useState(emptyConversation);
  useEffect(() => {
    setConversation(emptyConversation);
    const stream = companion.subscribe(sessionId, { after: 0 });
    let waiting: Parameters<typeof withFrames>[1][number][] = [];
    let scheduled = false;
    const show = () => {
      scheduled = false;
      const frames = waiting;
      waiting = [];
      setConversation((before) => withFrames(before, frames));
    };
    void (async () => {
      try {
        for await (const frame of stream) {
          waiting.push(frame);
          if (scheduled) continue;
          scheduled = true;
          // A page that is not seen gets no animation frames.
          if (document.hidden) setTimeout(show, 250);
          else requestAnimationFrame(show);
        }
      } catch {
        // It was closed, or the session is gone: the list says so.
      }
    })();
    return () => stream.close();
  }, [companion, sessionId]);
  return conversation;
}

/** Tells the server that this session is looked at while a person does something here. */
export function useAttention(companion: Companion, sessionId: string): void {
  const toldAt = useRef(0);
  useEffect(() => {
    const tell = () => {
      if (document.hidden || Date.now() - toldAt.current < 20_000) return;
      toldAt.current = Date.now();
      companion.request("sessionForegrounded", { sessionId }).catch(() => {});
    };
    const look = () => {
      toldAt.current = 0;
      if (document.hidden) companion.request("sessionBackgrounded", { sessionId }).catch(() => {});
      else tell();
    };
    tell();
    document.addEventListener("visibilitychange", look);
    for (const sign of ["pointerdown", "keydown", "wheel"]) addEventListener(sign, tell, { passive: true });
    return () => {
      document.removeEventListener("visibilitychange", look);
      for (const sign of ["pointerdown", "keydown", "wheel"]) removeEventListener(sign, tell);
      companion.request("sessionBackgrounded", { sessionId }).catch(() => {});
    };
  }, [companion, sessionId]);
}

const armedAfterMs = 500;

/** No prompt is swapped under a thumb: what answers it works a moment after it appeared. Use it with a `key` of the prompt. */
export function useArmed(): boolean {
  const [isArmed, setArmed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setArmed(true), armedAfterMs);
    return () => clearTimeout(timer);
  }, []);
  return isArmed;
}
