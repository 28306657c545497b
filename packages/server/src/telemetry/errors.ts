import type { Clock } from "../clock.ts";

const groupsMax = 500;
/** Characters: what somebody sends comes back in messages, and must not be kept by the megabyte. */
const messageMax = 300;

/** Errors of one kind. */
export interface ErrorGroup {
  /** What failed: a command, a route, an operation. */
  where: string;
  code: string;
  message: string;
  count: number;
  /** Milliseconds since 1970. */
  firstSeen: number;
  lastSeen: number;
  /** Of the last one, to find it in log and traces. */
  correlationId: string | undefined;
}

/** Errors since the start, grouped by where, code and what they say but for ids and numbers. */
export interface ErrorGroups {
  note(error: { where: string; code: string; message: string; correlationId: string | undefined }): void;
  /** Last seen first. */
  list(): ErrorGroup[];
}

export function createErrorGroups(clock: Pick<Clock, "now">): ErrorGroups {
  /** In the order in which they were last seen. */
  const groups = new Map<string, ErrorGroup>();
  return {
    note({ where, code, correlationId, ...error }) {
      const message = error.message.slice(0, messageMax);
      const kind = message.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+|"[^"]*"/gi, "…");
      const key = `${where}\n${code}\n${kind}`;
      const now = clock.now();
      const known = groups.get(key) ?? { where, code, message, count: 0, firstSeen: now, lastSeen: now, correlationId };
      groups.delete(key);
      groups.set(key, { ...known, message, count: known.count + 1, lastSeen: now, correlationId });
      const [oldest] = groups.keys();
      if (groups.size > groupsMax && oldest !== undefined) groups.delete(oldest);
    },
    list: () => [...groups.values()].reverse(),
  };
}
