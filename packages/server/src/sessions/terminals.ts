import type { AgentProvider, PastEvent } from "../agents/index.ts";
import { type Clock, every } from "../clock.ts";
import type { EventLog } from "../log/index.ts";
import type { SessionRecord } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import { firstUnknown } from "./history.ts";
import type { Session } from "./session.ts";

const lookMs = 1_000;

/** How far a conversation that somebody has in a terminal was followed. */
interface Followed {
  changedAt: number | undefined;
  /** Events of the transcript that the session has. */
  events: number;
}

/**
 * Follows conversations that people hold in a terminal, in the sessions that go on with them: what is said there is told here,
 * and nothing is sent to them until the terminal lets go.
 * @param options.sessions those that have not ended
 * @returns stops it
 */
export function followTerminals(options: {
  sessions: () => Iterable<SessionRecord>;
  open: (record: SessionRecord) => Promise<Session>;
  providers: ReadonlyMap<string, AgentProvider>;
  log: Pick<EventLog, "head" | "read">;
  clock: Clock;
  report: Pick<Report, "storageFailed">;
}): () => void {
  const { providers } = options;
  const followed = new Map<string, Followed>();
  let looking = false;

  async function look(): Promise<void> {
    const begun = [...options.sessions()].filter(({ conversationId }) => conversationId !== undefined);
    if (begun.length === 0) return;
    for (const [agent, { conversations }] of providers) {
      if (conversations === undefined) continue;
      const running = await conversations.elsewhere();
      for (const record of begun) {
        const { sessionId, conversationId } = record;
        if (record.agent !== agent || conversationId === undefined) continue;
        const process = running.get(conversationId);
        const before = followed.get(sessionId);
        if (process === undefined && before === undefined && record.obstacle?.kind !== "terminal") continue;
        const session = await options.open(record);
        const now = await told(conversations, conversationId, session, before);
        if (process === undefined) followed.delete(sessionId);
        else followed.set(sessionId, now);
        session.terminal(process);
      }
    }
  }
  /** Tells what was said since the last look. */
  async function told(
    conversations: NonNullable<AgentProvider["conversations"]>,
    conversationId: string,
    session: Session,
    before: Followed | undefined,
  ): Promise<Followed> {
    const changedAt = await conversations.changedAt(conversationId);
    if (before !== undefined && before.changedAt === changedAt) return before;
    const said: PastEvent[] = await conversations.read(conversationId);
    const { sessionId, followedFrom = said.length } = session.record;
    const from = before?.events ?? (await firstUnknown(options.log, sessionId, said)) ?? followedFrom;
    // What the session has already counts once: by its id.
    session.tellPast(said.slice(from));
    return { changedAt, events: said.length };
  }
  return every(options.clock, lookMs, () => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => options.report.storageFailed({ operation: "follow terminals", error }))
      .finally(() => {
        looking = false;
      });
  });
}
