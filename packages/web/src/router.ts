import { useSyncExternalStore } from "react";

/** Which screen the address means. */
export type Screen =
  | { name: "inbox" | "new" | "settings" | "dashboard" | "devices" | "terminals" }
  | { name: "session"; sessionId: string; message: string | undefined }
  | { name: "files" | "changes"; sessionId: string; path: string };

const listeners = new Set<() => void>();
function tell(): void {
  for (const listener of listeners) listener();
}
const changes = ["popstate", "hashchange"];

/** Opens an address of the app. */
export function go(path: string): void {
  history.pushState(null, "", path);
  tell();
}

/** The same, and the way back leads to where one was before. */
export function goInstead(path: string): void {
  history.replaceState(null, "", path);
  tell();
}

/** The address of a message: whoever has it, and may see the session, finds the message there. */
export const addressOfMessage = (sessionId: string, key: string): string =>
  `${location.origin}/session/${sessionId}#${encodeURIComponent(key)}`;

/** The address of a file or folder of a session's directory; without a path that of the directory. */
export const addressOfFile = (sessionId: string, path = ""): string =>
  `/session/${sessionId}/files${path === "" ? "" : "/"}${path.split("/").map(encodeURIComponent).join("/")}`;

export function useScreen(): Screen {
  const address = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      for (const change of changes) addEventListener(change, listener);
      return () => {
        listeners.delete(listener);
        for (const change of changes) removeEventListener(change, listener);
      };
    },
    () => location.pathname + location.hash,
  );
  return screenOf(address);
}

/** @param address path and hash */
export function screenOf(address: string): Screen {
  const [path = "/", hash] = address.split("#", 2);
  const [, sessionId, view, below = ""] = /^\/session\/([^/]+)(?:\/(files|changes)(?:\/(.*))?)?$/.exec(path) ?? [];
  if (sessionId !== undefined) {
    if (view === "files" || view === "changes") return { name: view, sessionId, path: decoded(below) };
    return { name: "session", sessionId, message: hash ? decoded(hash) : undefined };
  }
  const name = path.slice(1);
  if (name === "new" || name === "settings" || name === "dashboard" || name === "devices" || name === "terminals")
    return { name };
  return { name: "inbox" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
