import type { ConnectionState } from "@claude-companion/client";
import { useEffect, useState, useSyncExternalStore } from "react";

/** Says when what is shown may be old. Connected, it says nothing. */
export function ConnectionBar({ state }: { state: ConnectionState }) {
  const [isLong, setLong] = useState(false);
  const isOnline = useSyncExternalStore(onNetwork, () => navigator.onLine);
  const isAway = state.name === "reconnecting" || state.name === "connecting";
  useEffect(() => {
    setLong(false);
    if (!isAway) return undefined;
    // A connection that is back at once need not be spoken of.
    const timer = setTimeout(() => setLong(true), 1_500);
    return () => clearTimeout(timer);
  }, [isAway]);
  if (isOnline && !(isAway && isLong)) return null;
  const since =
    state.name === "reconnecting"
      ? new Date(state.since).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
      : undefined;
  const text = isOnline
    ? since
      ? `Reconnecting. What you see is as of ${since}.`
      : "Connecting to the server."
    : "You are offline. What you send leaves when you are back.";
  return (
    <p role="status" className="border-line border-b bg-sunken px-4 py-1.5 text-center text-sm text-soft">
      {text}
    </p>
  );
}

function onNetwork(listener: () => void): () => void {
  for (const change of ["online", "offline"]) addEventListener(change, listener);
  return () => {
    for (const change of ["online", "offline"]) removeEventListener(change, listener);
  };
}
