import { createContext, use } from "react";

/** Which session what is shown belongs to, and where it works. */
export interface SessionPlace {
  sessionId: string;
  workingDirectory: string;
}

export const SessionPlaceContext = createContext<SessionPlace>({ sessionId: "", workingDirectory: "" });

/** How a file of the project is called there; undefined for one that lies outside. */
export function relativePath(path: string, { workingDirectory }: SessionPlace): string | undefined {
  if (!path.startsWith("/")) return path.replace(/^\.\//, "");
  return path.startsWith(`${workingDirectory}/`) ? path.slice(workingDirectory.length + 1) : undefined;
}

export const useSessionPlace = (): SessionPlace => use(SessionPlaceContext);
