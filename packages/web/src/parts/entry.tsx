import { ArrowUpToLine, Check, Clock, Link2, type LucideIcon, RotateCcw, TriangleAlert, Undo2 } from "lucide-react";
import { memo } from "react";
import type { Item } from "../conversation.ts";
import { addressOfMessage } from "../router.ts";
import type { Row } from "../rows.ts";
import { useSessionPlace } from "../session-place.ts";
import { dollars, timeOf } from "../words.ts";
import { Attachments } from "./attachments.tsx";
import { CopyButton } from "./code.tsx";
import { Markdown } from "./markdown.tsx";
import { ToolCard } from "./tool-card.tsx";

/** What can be done with a message of ours. */
export interface MessageActions {
  /** Takes back one that waits for its turn. */
  withdraw(messageId: string): void;
  /** Puts one that waits before all others. */
  first(messageId: string): void;
  /** Sends one again that was not done. */
  again(text: string): void;
}

/** One thing of the conversation. */
export const Entry = memo(function Entry({
  row,
  actions,
  firstInQueue,
}: {
  row: Row;
  actions: MessageActions;
  /** Of the messages that wait, the next. */
  firstInQueue?: string | undefined;
}) {
  const { item, inside } = row;
  switch (item.kind) {
    case "human":
      return <Human item={item} actions={actions} isNext={item.key === firstInQueue} />;
    case "text":
      return (
        <div className="group/text relative">
          <Markdown text={item.text} isLive={item.live} />
          {!item.live && (
            <span className="-right-1 absolute top-0 hidden group-focus-within/text:flex group-hover/text:flex lg:-right-20">
              <CopyButton text={item.text} label="Copy text" />
              <LinkButton messageKey={item.key} />
            </span>
          )}
        </div>
      );
    case "thinking":
      return (
        <details className="text-sm text-soft">
          <summary className="target flex cursor-pointer items-center">{item.live ? "Thinking…" : "Thought"}</summary>
          <p className="whitespace-pre-wrap break-words" dir="auto">
            {item.text}
          </p>
        </details>
      );
    case "tool":
      return (
        <ToolCard tool={item}>
          {inside.length > 0 && (
            <div className="flex flex-col gap-2 border-line border-l-2 pl-3">
              {inside.map((one) => (
                <Entry key={one.key} row={{ item: one, inside: [] }} actions={actions} />
              ))}
            </div>
          )}
        </ToolCard>
      );
    case "notice":
      return (
        <p dir="auto" className={`text-sm ${item.isError ? "text-danger" : "text-soft"}`}>
          {item.text}
        </p>
      );
    case "turn":
      return (
        <p className="flex items-center gap-2 text-soft text-xs">
          <span className="h-px flex-1 bg-line" />
          {turnInWords(item)}
          <span className="h-px flex-1 bg-line" />
        </p>
      );
    default:
      return item satisfies never;
  }
});

const messageStates: Readonly<Record<string, string>> = {
  unsent: "on its way",
  queued: "waits for its turn",
  withdrawn: "taken back",
  failed: "not done",
  indeterminate: "perhaps not done",
};

function Human({
  item,
  actions,
  isNext,
}: {
  item: Extract<Item, { kind: "human" }>;
  actions: MessageActions;
  isNext: boolean;
}) {
  const { key, text, attachments, state, reason, by, at } = item;
  const hasFailed = state === "failed" || state === "indeterminate";
  return (
    <div className={`ml-8 flex flex-col items-end ${state === "withdrawn" ? "opacity-60" : ""}`}>
      <div className="max-w-full rounded-card bg-sunken px-3 py-2">
        <Attachments attachments={attachments} />
        {text !== "" && (
          <p dir="auto" className="whitespace-pre-wrap break-words">
            {text}
          </p>
        )}
        <p className="flex flex-wrap items-center justify-end gap-1 text-soft text-xs">
          {by && <span className="truncate">{by}</span>}
          {at && <time dateTime={at}>{timeOf(at)}</time>}
          {messageStates[state] && <span className={hasFailed ? "text-danger" : ""}>{messageStates[state]}</span>}
          <Mark state={state} />
          <LinkButton messageKey={key} isSmall />
        </p>
        {reason && <p className="text-danger text-sm">{reason}</p>}
      </div>
      {state === "queued" && (
        <span className="flex">
          {!isNext && <Action icon={ArrowUpToLine} label="Do this first" onClick={() => actions.first(key)} />}
          <Action icon={Undo2} label="Take back" onClick={() => actions.withdraw(key)} />
        </span>
      )}
      {hasFailed && <Action icon={RotateCcw} label="Try again" look="text-clay" onClick={() => actions.again(text)} />}
    </div>
  );
}

/** What can be done with a message, under it. */
function Action({
  icon: Icon,
  label,
  look = "text-soft",
  onClick,
}: {
  icon: LucideIcon;
  label: string;
  look?: string;
  onClick: () => void;
}) {
  return (
    <button type="button" onClick={onClick} className={`target flex items-center gap-1 px-2 text-sm ${look}`}>
      <Icon aria-hidden className="size-4" /> {label}
    </button>
  );
}

function Mark({ state }: { state: string }) {
  if (state === "failed" || state === "indeterminate")
    return <TriangleAlert aria-label="not done" role="img" className="size-3 text-danger" />;
  if (state === "answered" || state === "handedOver")
    return <Check aria-label="Claude has it" role="img" className="size-3" />;
  if (state === "withdrawn") return null;
  return state === "unsent" ? (
    <Clock aria-label="not sent yet" role="img" className="size-3" />
  ) : (
    <Check aria-label="the server has it" role="img" className="size-3 opacity-50" />
  );
}

function LinkButton({ messageKey, isSmall = false }: { messageKey: string; isSmall?: boolean }) {
  const { sessionId } = useSessionPlace();
  if (!isSecureContext) return null;
  const address = addressOfMessage(sessionId, messageKey);
  return (
    <button
      type="button"
      aria-label="Copy link to this"
      title="Copy link to this"
      onClick={() => {
        navigator.clipboard.writeText(address).catch(() => {});
        history.replaceState(null, "", new URL(address).pathname + new URL(address).hash);
      }}
      className={`grid place-items-center rounded-lg text-soft ${isSmall ? "size-6" : "size-9"}`}
    >
      <Link2 aria-hidden className={isSmall ? "size-3.5" : "size-4"} />
    </button>
  );
}

function turnInWords({ result, reason, costUsd, durationMs }: Extract<Item, { kind: "turn" }>): string {
  const how =
    { success: "done", interrupted: "stopped", error: "ended with an error", limit: "at a limit" }[result] ?? result;
  const seconds = durationMs === undefined ? "" : ` in ${Math.max(1, Math.round(durationMs / 1_000))} s`;
  const cost = costUsd ? ` · ${dollars(costUsd)}` : "";
  return `${how}${seconds}${cost}${result === "error" && reason ? ` · ${reason}` : ""}`;
}
