import { CompanionError } from "@claude-companion/protocol";
import { isoTime } from "../clock.ts";
import type { Positions } from "../delivery/index.ts";
import { type SearchIndex, wordsOf } from "../log/index.ts";
import type { Records } from "../records/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Handlers } from "./handlers.ts";
import { summariesFor, summaryFor } from "./summary.ts";

/** All sessions and conversations, and what was said in them. */
export function sessionHandlers({
  sessions,
  positions,
  records,
  search,
}: {
  sessions: Sessions;
  records: Pick<Records, "sessions">;
  search: SearchIndex;
  positions: Pick<Positions, "find">;
}): Pick<
  Handlers,
  | "listSessions"
  | "updateSession"
  | "deleteSession"
  | "forkSession"
  | "readHistory"
  | "searchMessages"
  | "exportSession"
  | "listConversations"
> {
  return {
    async listSessions(caller, { search, archived, tag, limit, before }) {
      const all = await summariesFor(caller, sessions, positions);
      const fitting = all.filter(
        (session) =>
          session.archived === archived &&
          (tag === undefined || session.tags.includes(tag)) &&
          holds(search, session.title, session.workingDirectory) &&
          (before === undefined || placeOf(session) < before),
      );
      const page = fitting.slice(0, limit);
      const last = page.at(-1);
      return { sessions: page, next: last && fitting.length > page.length ? placeOf(last) : undefined };
    },
    async updateSession(caller, { sessionId, ...change }) {
      const session = await sessions.get(caller.user, sessionId);
      await session.describe(change);
      return { session: await summaryFor(caller, sessions.summary(session), positions) };
    },
    async deleteSession(caller, { sessionId }) {
      await sessions.erase(caller.user, sessionId);
      return {};
    },
    async forkSession(caller, { sessionId, upToMessageId, title }) {
      const session = await sessions.fork(caller.user, sessionId, { upToMessageId, title });
      return { session: await summaryFor(caller, sessions.summary(session), positions) };
    },
    readHistory: (caller, { sessionId, limit, before }) => sessions.history(caller.user, sessionId, { before, limit }),
    async searchMessages(caller, { query, sessionId, limit, before }) {
      // Also those that have ended: what was said in them stays until it expires.
      const own = await records.sessions.list(caller.user);
      const titles = new Map(own.map((session) => [session.sessionId, session.title]));
      const wanted = sessionId === undefined ? [...titles.keys()] : titles.has(sessionId) ? [sessionId] : [];
      const offset = before === undefined ? 0 : Number(before);
      if (!Number.isSafeInteger(offset) || offset < 0)
        throw new CompanionError("INVALID_REQUEST", "`before` is no cursor. Give `next` of the page before.");
      const found = await search.search({ words: wordsOf(query), sessions: wanted, limit: limit + 1, offset });
      const hits = found.slice(0, limit).map(({ type, ...hit }) => ({
        ...hit,
        type: type === "humanMessage" ? ("humanMessage" as const) : ("assistantMessage" as const),
        title: titles.get(hit.sessionId) ?? "",
      }));
      return { hits, next: found.length > limit ? String(offset + limit) : undefined };
    },
    async exportSession(caller, { sessionId, format }) {
      const { title, content } = await sessions.export(caller.user, sessionId, format);
      const name = title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
        .replaceAll(/^-|-$/g, "")
        .slice(0, 60);
      return format === "json"
        ? { name: `${name || "session"}.json`, mediaType: "application/json", content }
        : { name: `${name || "session"}.md`, mediaType: "text/markdown", content };
    },
    async listConversations(caller, { search, limit }) {
      const all = await sessions.conversations(caller.user);
      const fitting = all.filter(({ title, workingDirectory }) => holds(search, title, workingDirectory));
      return {
        conversations: fitting.slice(0, limit).map((conversation) => ({
          ...conversation,
          createdAt: isoTime(conversation.createdAt),
          lastActivityAt: isoTime(conversation.lastActivityAt),
        })),
      };
    },
  };
}

/** Where a session stands in the list: by time, and by id among those of one moment. */
const placeOf = ({ lastActivityAt, sessionId }: { lastActivityAt: string; sessionId: string }): string =>
  `${lastActivityAt}/${sessionId}`;

/** Every word that is searched for stands in one of the texts. */
function holds(search: string | undefined, ...texts: string[]): boolean {
  const text = texts.join("\n").toLowerCase();
  return (search ?? "")
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
