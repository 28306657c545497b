import type { SessionSummary } from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../../clock.ts";
import type { Sessions } from "../../sessions/index.ts";

type Summary = z.infer<typeof SessionSummary>;

const gatherMs = 30;

/** The changes of all of a user's sessions, live, for lists. */
export interface Watch {
  close(): void;
}

/**
 * Changes that come together are told together, as what is true then; a list needs no history.
 * @param options.summarise the session as this device's list shows it; undefined when it is gone
 * @param options.statuses what the client was told last, by session
 */
export function createWatch(options: {
  user: string;
  sessions: Pick<Sessions, "watch">;
  summarise: (sessionId: string) => Promise<Summary | undefined>;
  statuses: Map<string, string>;
  clock: Clock;
  send: (frame: string) => void;
  onFailure: (error: unknown) => void;
}): Watch {
  const { clock, statuses } = options;
  const changed = new Set<string>();
  let cancel: (() => void) | undefined;
  let closed = false;

  async function tell(): Promise<void> {
    cancel = undefined;
    const ids = [...changed];
    changed.clear();
    for (const sessionId of ids) {
      const session = await options.summarise(sessionId);
      if (session === undefined || closed) continue;
      const timestamp = isoTime(clock.now());
      if (statuses.get(sessionId) !== session.status) {
        statuses.set(sessionId, session.status);
        const data = { status: session.status, reason: session.statusReason };
        options.send(JSON.stringify({ type: "sessionStatus", sessionId, timestamp, data }));
      }
      options.send(JSON.stringify({ type: "sessionUpdated", sessionId, timestamp, data: { session } }));
    }
  }
  const stop = options.sessions.watch(({ sessionId, user }) => {
    if (user !== options.user) return;
    changed.add(sessionId);
    cancel ??= clock.after(gatherMs, () => void tell().catch(options.onFailure));
  });
  return {
    close() {
      closed = true;
      stop();
      cancel?.();
    },
  };
}
