import type { Companion } from "@claude-companion/client";
import { ArrowDown, Check, Clock } from "lucide-react";
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Item } from "../conversation.ts";
import { useAttention, useConversation, useSessions } from "../hooks.ts";
import { BackButton } from "../parts/back-button.tsx";
import { Composer } from "../parts/composer.tsx";
import { Markdown } from "../parts/markdown.tsx";
import { PermissionCard } from "../parts/permission-card.tsx";
import { ToolCard } from "../parts/tool-card.tsx";
import { statusInWords } from "../words.ts";

/** So near to the end counts as being there. */
const nearPixels = 80;

/** One session: what happens, what waits, what to say next. */
export function ConversationScreen({ companion, sessionId }: { companion: Companion; sessionId: string }) {
  const conversation = useConversation(companion, sessionId);
  const session = useSessions(companion)?.find((one) => one.sessionId === sessionId);
  useAttention(companion, sessionId);
  const { items, permissions } = conversation;
  const status = conversation.status || session?.status || "";
  const isWorking = status === "running" || status === "waiting" || status === "starting";
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);

  useLayoutEffect(() => {
    const { current } = scroller;
    // Stay at the end only if the reader is there.
    if (isAtEnd && current && items.length >= 0) current.scrollTop = current.scrollHeight;
  }, [items, isAtEnd]);
  useEffect(() => {
    document.title = session?.title ? `${session.title} · Claude Companion` : "Claude Companion";
  }, [session?.title]);

  return (
    <>
      <header className="flex min-h-12 items-center gap-1 border-line border-b px-1">
        <BackButton />
        <div className="min-w-0 flex-1 px-2">
          <h1 className="truncate font-semibold leading-tight">{session?.title || "New session"}</h1>
          <p className="truncate text-soft text-xs">{session?.workingDirectory}</p>
        </div>
        <p role="status" className={`px-3 text-sm ${status === "waiting" ? "font-medium text-amber" : "text-soft"}`}>
          {statusInWords(status)}
        </p>
      </header>
      <div className="relative min-h-0 flex-1">
        <div
          ref={scroller}
          role="log"
          aria-label="Conversation"
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          onScroll={({ currentTarget: at }) => setAtEnd(at.scrollHeight - at.scrollTop - at.clientHeight < nearPixels)}
          className="h-full overflow-y-auto px-3"
        >
          <div className="mx-auto flex max-w-3xl flex-col gap-3 py-4">
            {items.map((item) => (
              <Entry key={item.key} item={item} />
            ))}
            {conversation.obstacle && (
              <p className="rounded-card border border-amber p-3 text-sm">{conversation.obstacle}</p>
            )}
          </div>
        </div>
        {!isAtEnd && (
          <button
            type="button"
            onClick={() => setAtEnd(true)}
            className="target absolute bottom-2 left-1/2 flex -translate-x-1/2 items-center gap-1 rounded-full border border-line bg-raised px-4 text-sm"
          >
            <ArrowDown aria-hidden className="size-4" /> Newest
          </button>
        )}
      </div>
      <PermissionCard
        companion={companion}
        sessionId={sessionId}
        requests={permissions}
        workingDirectory={session?.workingDirectory ?? ""}
      />
      <Composer companion={companion} sessionId={sessionId} isWorking={isWorking} />
    </>
  );
}

const messageStates: Readonly<Record<string, string>> = {
  queued: "waits for the turn",
  withdrawn: "taken back",
  failed: "not done",
  indeterminate: "perhaps not done",
};

const Entry = memo(function Entry({ item }: { item: Item }) {
  switch (item.kind) {
    case "human":
      return (
        <div className="entry ml-8 self-end rounded-card bg-sunken px-3 py-2">
          <p dir="auto" className="whitespace-pre-wrap break-words">
            {item.text}
          </p>
          <p className="flex items-center justify-end gap-1 text-soft text-xs">
            {messageStates[item.state] ?? ""}
            {item.state === "answered" || item.state === "handedOver" ? (
              <Check aria-label="Claude has it" role="img" className="size-3" />
            ) : (
              <Clock aria-label="on its way" role="img" className="size-3" />
            )}
          </p>
          {item.reason && <p className="text-danger text-sm">{item.reason}</p>}
        </div>
      );
    case "text":
      return (
        <div className={`entry ${item.parent ? "border-line border-l-2 pl-3" : ""}`}>
          <Markdown text={item.text} />
        </div>
      );
    case "thinking":
      return item.text === "" ? null : (
        <details className="entry text-sm text-soft">
          <summary className="target flex cursor-pointer items-center">{item.live ? "Thinking…" : "Thought"}</summary>
          <p className="whitespace-pre-wrap">{item.text}</p>
        </details>
      );
    case "tool":
      return (
        <div className={item.parent ? "ml-4" : ""}>
          <ToolCard tool={item} />
        </div>
      );
    case "notice":
      return <p className={`entry text-sm ${item.isError ? "text-danger" : "text-soft"}`}>{item.text}</p>;
    case "turn":
      return (
        <p className="entry flex items-center gap-2 text-soft text-xs">
          <span className="h-px flex-1 bg-line" />
          {turnInWords(item)}
          <span className="h-px flex-1 bg-line" />
        </p>
      );
    default:
      return item satisfies never;
  }
});

function turnInWords({ result, reason, costUsd, durationMs }: Extract<Item, { kind: "turn" }>): string {
  const how =
    { success: "done", interrupted: "stopped", error: "ended with an error", limit: "at a limit" }[result] ?? result;
  const seconds = durationMs === undefined ? "" : ` in ${Math.max(1, Math.round(durationMs / 1_000))} s`;
  const cost = costUsd ? ` · $${costUsd.toFixed(costUsd < 0.1 ? 4 : 2)}` : "";
  return `${how}${seconds}${cost}${result === "error" && reason ? ` · ${reason}` : ""}`;
}
