import { useSyncExternalStore } from "react";

/** Which screen the address means. */
export type Screen =
  | { name: "inbox" }
  | { name: "new" }
  | { name: "settings" }
  | { name: "session"; sessionId: string };

const listeners = new Set<() => void>();
addEventListener("popstate", () => {
  for (const listener of listeners) listener();
});

export function go(path: string): void {
  history.pushState(null, "", path);
  for (const listener of listeners) listener();
}

export function useScreen(): Screen {
  const path = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => location.pathname,
  );
  const sessionId = /^\/session\/([^/]+)$/.exec(path)?.[1];
  if (sessionId !== undefined) return { name: "session", sessionId };
  return path === "/new" ? { name: "new" } : path === "/settings" ? { name: "settings" } : { name: "inbox" };
}
