import type { Companion, ConnectionState, Storage } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { messageOf } from "./words.ts";

export type SessionSummary = CommandAck<"watchSessions">["sessions"][number];

/** What the connection is like now. */
export const useConnection = (companion: Companion): ConnectionState =>
  useSyncExternalStore(companion.onState, () => companion.state);

/** All sessions as far as they are known here, and when that was. */
export interface KnownSessions {
  /** ISO time at which they were as they are here. */
  asOf: string | undefined;
  /** Told by the server since this page was opened; else it is what was kept. */
  isFresh: boolean;
  /** Undefined: nothing is known yet. */
  sessions: readonly SessionSummary[] | undefined;
}
const sessionsKey = "sessions";
const keepAfterMs = 1_000;

/** All sessions, kept up to date, and kept on this device for when there is no network. */
export function useSessions(companion: Companion, storage: Storage): KnownSessions {
  const [known, setKnown] = useState<KnownSessions>({ asOf: undefined, isFresh: false, sessions: undefined });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    storage.get(sessionsKey).then(
      (kept) =>
        setKnown((now) => (now.sessions === undefined && kept ? { ...(kept as KnownSessions), isFresh: false } : now)),
      () => {},
    );
    const stop = companion.watchSessions((list) => {
      const now = { asOf: new Date().toISOString(), isFresh: true, sessions: [...list] };
      setKnown(now);
      clearTimeout(timer);
      // It changes often, and only the newest counts.
      timer = setTimeout(() => storage.set(sessionsKey, now).catch(() => {}), keepAfterMs);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [companion, storage]);
  return known;
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

/** What the server is asked for once, and again when told to. */
export interface Asked<T> {
  readonly value: T | undefined;
  readonly failure: string | undefined;
  again(): void;
}

/** Asks, and asks again when `key` changes; what comes late of an earlier key is dropped. */
export function useAsked<T>(key: string, ask: () => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ key: string; value: T | undefined; failure: string | undefined }>();
  const [round, setRound] = useState(0);
  const newest = useRef(ask);
  newest.current = ask;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks again
  useEffect(() => {
    let isOver = false;
    newest.current().then(
      (value) => isOver || setState({ key, value, failure: undefined }),
      (error: unknown) =>
        isOver ||
        setState((now) => ({ key, value: now?.key === key ? now.value : undefined, failure: messageOf(error) })),
    );
    return () => {
      isOver = true;
    };
  }, [key, round]);
  const isOurs = state?.key === key;
  return {
    value: isOurs ? state.value : undefined,
    failure: isOurs ? state.failure : undefined,
    again: () => setRound((now) => now + 1),
  };
}

/** Wide enough for a column of details beside the conversation. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}
