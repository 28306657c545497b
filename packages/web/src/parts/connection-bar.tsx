import type { ConnectionState } from "@claude-companion/client";
import { useEffect, useState, useSyncExternalStore } from "react";
import { timeOf } from "../words.ts";

/** Says when what is shown may be old, and how old. Connected, it says nothing. */
export function ConnectionBar({ state, asOf }: { state: ConnectionState; asOf: string | undefined }) {
  const [isLong, setLong] = useState(false);
  const isOnline = useSyncExternalStore(onNetwork, () => navigator.onLine);
  const [hasBeen, setBeen] = useState(false);
  useEffect(() => {
    if (state.name === "connected") setBeen(true);
  }, [state.name]);
  const isAway = state.name === "reconnecting" || state.name === "connecting";
  useEffect(() => {
    setLong(false);
    if (!isAway) return undefined;
    // A connection that is back at once need not be spoken of.
    const timer = setTimeout(() => setLong(true), 1_500);
    return () => clearTimeout(timer);
  }, [isAway]);
  if (isOnline && !(isAway && isLong)) return null;
  const since = hasBeen && state.name === "reconnecting" ? new Date(state.since).toISOString() : asOf;
  const age = since === undefined ? "" : ` What you see is as of ${timeOf(since)}.`;
  return (
    <p role="status" className="border-line border-b bg-sunken px-4 py-1.5 text-center text-sm text-soft">
      {isOnline ? `Connecting to the server.${age}` : `You are offline.${age} What you send leaves when you are back.`}
    </p>
  );
}

function onNetwork(listener: () => void): () => void {
  for (const change of ["online", "offline"]) addEventListener(change, listener);
  return () => {
    for (const change of ["online", "offline"]) removeEventListener(change, listener);
  };
}
