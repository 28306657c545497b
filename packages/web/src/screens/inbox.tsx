import type { Companion } from "@claude-companion/client";
import { Settings as Gear, Plus } from "lucide-react";
import { useState } from "react";
import { type SessionSummary, useArmed, useSessions } from "../hooks.ts";
import { Button } from "../parts/button.tsx";
import { go } from "../router.ts";
import { ago, statusInWords, withoutDirectory } from "../words.ts";

/** What waits for me, then what is happening, then what happened. */
const rank = ({ pendingPermissions, status }: SessionSummary): number =>
  pendingPermissions.length > 0 ? 0 : status === "running" || status === "starting" ? 1 : 2;

/** The start: all sessions. */
export function Inbox({ companion, open }: { companion: Companion; open: string | undefined }) {
  const sessions = useSessions(companion);
  const [search, setSearch] = useState("");
  const shown = sessions
    ?.filter(
      ({ archived, title, workingDirectory }) =>
        !archived && `${title} ${workingDirectory}`.toLowerCase().includes(search.toLowerCase()),
    )
    .toSorted((a, b) => rank(a) - rank(b) || b.lastActivityAt.localeCompare(a.lastActivityAt));
  return (
    <>
      <header className="flex min-h-12 items-center gap-1 border-line border-b pl-4 pr-1">
        <h1 className="flex-1 font-semibold">Sessions</h1>
        <button
          type="button"
          aria-label="Settings"
          onClick={() => go("/settings")}
          className="target grid place-items-center"
        >
          <Gear aria-hidden className="size-5" />
        </button>
        <button
          type="button"
          aria-label="New session"
          onClick={() => go("/new")}
          className="target grid place-items-center"
        >
          <Plus aria-hidden className="size-5" />
        </button>
      </header>
      {sessions && sessions.length > 5 && (
        <input
          type="search"
          aria-label="Search sessions"
          placeholder="Search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="target m-2 rounded-lg border border-line bg-raised px-3 text-base"
        />
      )}
      {sessions?.length === 0 && (
        <div className="m-auto flex flex-col items-center gap-3 p-6 text-center">
          <p className="text-soft">No sessions yet.</p>
          <Button look="primary" onClick={() => go("/new")}>
            Begin one
          </Button>
        </div>
      )}
      <ul className="min-h-0 flex-1 overflow-y-auto">
        {shown?.map((session) => (
          <li key={session.sessionId} className="border-line border-b">
            <Row companion={companion} session={session} isOpen={session.sessionId === open} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ companion, session, isOpen }: { companion: Companion; session: SessionSummary; isOpen: boolean }) {
  const { sessionId, title, status, workingDirectory, lastActivityAt, unread, pendingPermissions } = session;
  const [request] = pendingPermissions;
  const canAnswer = request && request.kind === "tool" && !request.defaultToNo;
  return (
    <div className={isOpen ? "bg-sunken" : ""}>
      <button
        type="button"
        onClick={() => go(`/session/${sessionId}`)}
        className="flex w-full flex-col gap-0.5 px-4 py-3 text-left"
      >
        <span className="flex items-center gap-2">
          {request && <span aria-hidden className="size-2 shrink-0 rounded-full bg-amber" />}
          <span className="min-w-0 flex-1 truncate font-medium">{title || "New session"}</span>
          <span className="shrink-0 text-soft text-xs">{ago(lastActivityAt)}</span>
        </span>
        <span className="flex items-center gap-2 text-sm text-soft">
          <span className="min-w-0 flex-1 truncate">
            {workingDirectory.split("/").at(-1)} ·{" "}
            {request ? (
              <span className="text-amber">{withoutDirectory(request.title, workingDirectory)}</span>
            ) : (
              statusInWords(status)
            )}
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
