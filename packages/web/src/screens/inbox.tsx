import type { Companion } from "@claude-companion/client";
import { Archive, Plus, Search, SquareTerminal } from "lucide-react";
import { type PointerEvent, useRef, useState } from "react";
import { type SessionSummary, useArmed, useAsked } from "../hooks.ts";
import { Button } from "../parts/button.tsx";
import { field } from "../parts/field.ts";
import { IconButton } from "../parts/icon-button.tsx";
import { go } from "../router.ts";
import { ago, statusInWords, withoutDirectory } from "../words.ts";

/** What waits for me, then what is happening, then what happened. */
const rank = ({ pendingPermissions, status }: SessionSummary): number =>
  pendingPermissions.length > 0 ? 0 : status === "running" || status === "starting" ? 1 : 2;

/** The start: all sessions. */
export function Inbox({
  companion,
  sessions,
  open,
}: {
  companion: Companion;
  sessions: readonly SessionSummary[] | undefined;
  open: string | undefined;
}) {
  const [search, setSearch] = useState<string>();
  const [isArchive, setArchive] = useState(false);
  const words = search?.toLowerCase() ?? "";
  const shown = sessions
    ?.filter(
      ({ archived, title, workingDirectory, tags }) =>
        archived === isArchive && `${title} ${workingDirectory} ${tags.join(" ")}`.toLowerCase().includes(words),
    )
    .toSorted((a, b) => rank(a) - rank(b) || b.lastActivityAt.localeCompare(a.lastActivityAt));
  return (
    <>
      <header className="flex min-h-12 items-center gap-1 border-line border-b pr-1 pl-4">
        <h1 className="min-w-0 flex-1 truncate font-semibold">{isArchive ? "Archive" : "Sessions"}</h1>
        <IconButton
          icon={Search}
          label="Search"
          aria-pressed={search !== undefined}
          onClick={() => setSearch(search === undefined ? "" : undefined)}
        />
        <IconButton
          icon={Archive}
          label={isArchive ? "Leave the archive" : "Archive"}
          aria-pressed={isArchive}
          onClick={() => setArchive(!isArchive)}
          className={isArchive ? "text-clay" : ""}
        />
        <IconButton icon={SquareTerminal} label="From terminals" onClick={() => go("/terminals")} />
        <IconButton icon={Plus} label="New session" onClick={() => go("/new")} />
      </header>
      {search !== undefined && (
        <div className="p-2">
          <input
            type="search"
            // biome-ignore lint/a11y/noAutofocus: it appears because somebody asked for it
            autoFocus
            aria-label="Search sessions and what was said"
            placeholder="Names, projects, tags, and what was said"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            className={field}
          />
        </div>
      )}
      <div className="min-h-0 flex-1 overflow-y-auto">
        {shown?.length === 0 && words === "" && (
          <div className="flex flex-col items-center gap-3 p-6 pt-24 text-center">
            <p className="text-soft">{isArchive ? "Nothing is archived." : "No sessions yet."}</p>
            {!isArchive && (
              <Button look="primary" onClick={() => go("/new")}>
                Begin one
              </Button>
            )}
          </div>
        )}
        <ul>
          {shown?.map((session) => (
            <li key={session.sessionId} className="overflow-hidden border-line border-b">
              <Row companion={companion} session={session} isOpen={session.sessionId === open} />
            </li>
          ))}
        </ul>
        {words.length > 1 && <Found companion={companion} query={words} />}
      </div>
    </>
  );
}

/** What was said, in all sessions. */
function Found({ companion, query }: { companion: Companion; query: string }) {
  const { value, failure } = useAsked(query, () => companion.request("searchMessages", { query, limit: 30 }));
  if (failure) return <p className="p-4 text-danger text-sm">{failure}</p>;
  if (value === undefined) return null;
  return (
    <section aria-label="What was said">
      <h2 className="px-4 pt-4 pb-1 text-sm text-soft">
        {value.hits.length === 0 ? "Nobody said that." : "What was said"}
      </h2>
      <ul>
        {value.hits.map(({ sessionId, title, seq, text, timestamp, highlights }) => (
          <li key={`${sessionId}/${seq}`} className="border-line border-b">
            <button
              type="button"
              onClick={() => go(`/session/${sessionId}#seq.${seq}`)}
              className="flex w-full flex-col gap-0.5 px-4 py-3 text-left text-sm"
            >
              <span className="flex w-full gap-2 text-soft">
                <span className="min-w-0 flex-1 truncate">{title || "New session"}</span>
                {ago(timestamp)}
              </span>
              <span className="line-clamp-3 break-words">{marked(text, highlights)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function marked(text: string, highlights: readonly (readonly [number, number])[]) {
  let at = 0;
  const pieces = highlights.flatMap(([begin, end]) => {
    const before = text.slice(at, begin);
    at = end;
    return [
      before,
      <mark key={begin} className="bg-clay/25 text-ink">
        {text.slice(begin, end)}
      </mark>,
    ];
  });
  return [...pieces, text.slice(at)];
}

const swipePixels = 96;

function Row({ companion, session, isOpen }: { companion: Companion; session: SessionSummary; isOpen: boolean }) {
  const { sessionId, title, status, workingDirectory, lastActivityAt, unread, pendingPermissions, obstacle, tags } =
    session;
  const [request] = pendingPermissions;
  const canAnswer = request && request.kind === "tool" && !request.defaultToNo;
  const swipe = useSwipe(() =>
    companion.request("updateSession", { sessionId, archived: !session.archived }).catch(() => {}),
  );
  return (
    <div
      {...swipe.handlers}
      style={{ transform: `translateX(${swipe.offset}px)` }}
      className={`touch-pan-y ${isOpen ? "bg-sunken" : ""}`}
    >
      <button
        type="button"
        onClick={() => go(`/session/${sessionId}`)}
        className="flex w-full flex-col gap-0.5 px-4 py-3 text-left"
      >
        <span className="flex w-full items-center gap-2">
          {request && <span aria-hidden className="size-2 shrink-0 rounded-full bg-amber" />}
          <span className="min-w-0 flex-1 truncate font-medium">{title || "New session"}</span>
          <span className="shrink-0 text-soft text-xs">{ago(lastActivityAt)}</span>
        </span>
        <span className="flex w-full items-center gap-2 text-sm text-soft">
          <span className="min-w-0 flex-1 truncate">
            {workingDirectory.split("/").at(-1)} ·{" "}
            {request ? (
              <span className="text-amber">{withoutDirectory(request.title, workingDirectory)}</span>
            ) : obstacle ? (
              obstacle.text
            ) : (
              statusInWords(status)
            )}
            {tags.length > 0 && ` · ${tags.join(", ")}`}
          </span>
          {unread > 0 && !isOpen && (
            <span className="rounded-full bg-clay px-2 text-on-clay text-xs">
              {unread > 99 ? "99+" : unread}
              <span className="sr-only"> unread</span>
            </span>
          )}
        </span>
      </button>
      {canAnswer && (
        <Answers
          key={request.permissionId}
          onAnswer={(decision) => void companion.respond(sessionId, request.permissionId, { decision }).catch(() => {})}
        />
      )}
    </div>
  );
}

/** A finger that moves a row to the left, far enough, archives it; the menu of the session does the same. */
function useSwipe(onSwiped: () => void) {
  const [offset, setOffset] = useState(0);
  const start = useRef<{ x: number; y: number }>(undefined);
  const end = () => {
    start.current = undefined;
    setOffset(0);
  };
  return {
    offset,
    handlers: {
      onPointerDown({ pointerType, clientX: x, clientY: y }: PointerEvent) {
        if (pointerType === "touch") start.current = { x, y };
      },
      onPointerMove({ clientX, clientY }: PointerEvent) {
        if (start.current === undefined) return;
        const across = clientX - start.current.x;
        if (Math.abs(clientY - start.current.y) > Math.abs(across)) return;
        setOffset(Math.max(-swipePixels * 1.5, Math.min(0, across)));
      },
      onPointerUp() {
        if (start.current && offset < -swipePixels) onSwiped();
        end();
      },
      onPointerCancel: end,
    },
  };
}

/** Right in the row: most prompts need no more than a look. */
function Answers({ onAnswer }: { onAnswer: (decision: "allow" | "deny") => void }) {
  const isArmed = useArmed();
  return (
    <div className="flex gap-2 px-4 pb-3">
      <Button look="primary" disabled={!isArmed} onClick={() => onAnswer("allow")}>
        Allow
      </Button>
      <Button disabled={!isArmed} onClick={() => onAnswer("deny")}>
        Deny
      </Button>
    </div>
  );
}
