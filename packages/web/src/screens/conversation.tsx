import type { Companion, EventCache } from "@claude-companion/client";
import { ArrowDown, Ellipsis, FolderOpen } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type CustomContainerComponentProps, Virtualizer, type VirtualizerHandle } from "virtua";
import type { Item } from "../conversation.ts";
import { type SessionSummary, useAttention, useConnection, useMedia } from "../hooks.ts";
import { BackButton } from "../parts/back-button.tsx";
import { Composer } from "../parts/composer.tsx";
import { ContextRing } from "../parts/context-ring.tsx";
import { Entry, type MessageActions } from "../parts/entry.tsx";
import { IconButton } from "../parts/icon-button.tsx";
import { PermissionCard } from "../parts/permission-card.tsx";
import { SessionDetails } from "../parts/session-details.tsx";
import { Sheet } from "../parts/sheet.tsx";
import { TodoStrip } from "../parts/todos.tsx";
import { go } from "../router.ts";
import { rowsOf } from "../rows.ts";
import { SessionPlaceContext } from "../session-place.ts";
import { useContextUsage } from "../use-context-usage.ts";
import { useConversation } from "../use-conversation.ts";
import { useStickToEnd } from "../use-stick-to-end.ts";
import { useUploads } from "../use-uploads.ts";
import { statusInWords } from "../words.ts";

/** So near to the beginning what was before is fetched. */
const earlierPixels = 600;
const rowPixels = 72;

/** One session: what happens, what waits, what to say next. */
export function ConversationScreen({
  companion,
  cache,
  session,
  sessionId,
  message,
}: {
  companion: Companion;
  cache: EventCache | undefined;
  session: SessionSummary | undefined;
  sessionId: string;
  /** The message that a link leads to. */
  message: string | undefined;
}) {
  const conversation = useConversation({ companion, cache, sessionId });
  const connection = useConnection(companion);
  useAttention(companion, sessionId);
  const uploads = useUploads(companion);
  const { items, permissions, send } = conversation;
  const status = conversation.status || session?.status || "";
  const isWorking = status === "running" || status === "waiting" || status === "starting";
  const workingDirectory = session?.workingDirectory ?? "";
  const place = useMemo(() => ({ sessionId, workingDirectory }), [sessionId, workingDirectory]);
  const [isOpen, setOpen] = useState(false);
  const [given, setGiven] = useState<{ text: string }>();
  const isWide = useMedia("(min-width: 1280px)");
  const context = useContextUsage({ companion, sessionId, status, tokens: conversation.contextTokens });
  const agent =
    connection.name === "connected" ? connection.welcome.agents.find(({ id }) => id === session?.agent) : undefined;

  const newest = useRef(items);
  newest.current = items;
  const queue = useRef(conversation.queue);
  queue.current = conversation.queue;
  const actions = useMemo(
    (): MessageActions => ({
      withdraw(messageId) {
        companion.request("withdrawMessage", { sessionId, messageId }).then(
          () => {
            const item = newest.current.find(({ key }) => key === messageId);
            if (item?.kind === "human") setGiven({ text: item.text });
          },
          () => {},
        );
      },
      first(messageId) {
        const [before] = queue.current;
        if (before === undefined || before === messageId) return;
        companion.request("moveMessage", { sessionId, messageId, before }).catch(() => {});
      },
      again: (text) => send(text),
    }),
    [companion, sessionId, send],
  );
  useEffect(() => {
    document.title = session?.title ? `${session.title} · Claude Companion` : "Claude Companion";
  }, [session?.title]);

  const details = (
    <SessionDetails
      companion={companion}
      sessionId={sessionId}
      session={session}
      agent={agent}
      context={context}
      costUsd={conversation.costUsd}
    />
  );
  return (
    <SessionPlaceContext value={place}>
      <div className="flex min-h-0 flex-1">
        {/* biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the paper clip does the same */}
        <div
          className="flex min-h-0 min-w-0 flex-1 flex-col"
          onDragOver={(event) => event.dataTransfer.types.includes("Files") && event.preventDefault()}
          onDrop={(event) => {
            if (event.dataTransfer.files.length === 0) return;
            event.preventDefault();
            uploads.add([...event.dataTransfer.files]);
          }}
        >
          <header className="flex min-h-12 items-center gap-1 border-line border-b px-1">
            <BackButton />
            <div className="min-w-0 flex-1 px-2">
              <h1 className="truncate font-semibold leading-tight">{session?.title || "New session"}</h1>
              <p className="flex gap-1 text-soft text-xs">
                <span role="status" className={status === "waiting" ? "shrink-0 font-medium text-amber" : "shrink-0"}>
                  {statusInWords(status)}
                </span>
                {workingDirectory && <span className="truncate">· {workingDirectory}</span>}
              </p>
            </div>
            <ContextRing percentage={context?.percentage} />
            <IconButton
              icon={FolderOpen}
              label="Files and changes"
              onClick={() => go(`/session/${sessionId}/changes`)}
            />
            {!isWide && <IconButton icon={Ellipsis} label="About this session" onClick={() => setOpen(true)} />}
          </header>
          {/* For those who hear the screen: what waits, and that it is done. */}
          <p aria-live="polite" className="sr-only">
            {permissions[0] ? `Claude asks: ${permissions[0].title}` : status === "idle" ? "Claude is done." : ""}
          </p>
          <Stream conversation={conversation} actions={actions} message={message} />
          <TodoStrip todos={conversation.todos} />
          <PermissionCard
            companion={companion}
            sessionId={sessionId}
            requests={permissions}
            workingDirectory={workingDirectory}
            onAnswered={conversation.dismiss}
          />
          <Composer
            companion={companion}
            sessionId={sessionId}
            workingDirectory={workingDirectory}
            isWorking={isWorking}
            isOffline={connection.name !== "connected"}
            canSteer={agent?.capabilities.steer ?? false}
            uploads={uploads}
            send={send}
            given={given}
          />
        </div>
        {isWide && (
          <aside aria-label="About this session" className="w-80 shrink-0 overflow-y-auto border-line border-l p-4">
            {details}
          </aside>
        )}
      </div>
      {isOpen && !isWide && (
        <Sheet title="About this session" onClose={() => setOpen(false)}>
          {details}
        </Sheet>
      )}
    </SessionPlaceContext>
  );
}

/** What one touches answers also while the list follows what is being written: that it scrolls is no reason not to. */
function Rows({ style, ...rest }: CustomContainerComponentProps) {
  return <div {...rest} style={{ ...style, pointerEvents: "auto" }} />;
}

/** A link names a thing by its key; a finding of the search by its place in the log. */
const isMeant = (item: Item, message: string): boolean =>
  item.key === message || ("seq" in item && message === `seq.${item.seq}`);

/** What was said and done, from wherever one looks; only what is near the screen is there. */
function Stream({
  conversation,
  actions,
  message,
}: {
  conversation: ReturnType<typeof useConversation>;
  actions: MessageActions;
  message: string | undefined;
}) {
  const { items, isLoading, failure, hasEarlier, loadEarlier, obstacle, status, statusReason } = conversation;
  const rows = useMemo(() => rowsOf(items), [items]);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const { isAtEnd, fresh, goToEnd, letGo } = useStickToEnd(scroller, content, rows.length);
  const [isPrepending, setPrepending] = useState(false);
  const isFetching = useRef(false);
  const found = useRef<string>(undefined);

  const fetchEarlier = useCallback(async () => {
    if (isFetching.current || !hasEarlier) return;
    isFetching.current = true;
    setPrepending(true);
    await loadEarlier().catch(() => {});
    isFetching.current = false;
  }, [hasEarlier, loadEarlier]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the rows that came first are there
  useLayoutEffect(() => {
    if (!isFetching.current) setPrepending(false);
  }, [rows]);

  // What does not fill the screen leaves room for what was before: a conversation from a terminal is all of it before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each time that there is more to show
  useEffect(() => {
    const { current } = scroller;
    if (isLoading || failure !== undefined || current === null || current.scrollHeight > current.clientHeight) return;
    void fetchEarlier();
  }, [isLoading, failure, rows, fetchEarlier]);

  // A link leads to a message, which may be far back.
  useEffect(() => {
    if (message === undefined || found.current === message || isLoading) return;
    const index = rows.findIndex(
      ({ item, inside }) => isMeant(item, message) || inside.some((one) => isMeant(one, message)),
    );
    if (index === -1) {
      if (hasEarlier) void fetchEarlier();
      return;
    }
    found.current = message;
    letGo();
    requestAnimationFrame(() => list.current?.scrollToIndex(index, { align: "center" }));
  }, [message, rows, hasEarlier, isLoading, fetchEarlier, letGo]);

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        aria-label="Conversation"
        aria-live="off"
        aria-busy={isLoading}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        onScroll={({ currentTarget }) => {
          if (currentTarget.scrollTop < earlierPixels && !isAtEnd) void fetchEarlier();
        }}
        // Where the reader is, is for us to say: the browser's own anchor would pull against it.
        className="h-full overflow-y-auto px-3 [overflow-anchor:none]"
      >
        <div ref={content} className="mx-auto max-w-3xl py-4">
          <Virtualizer
            as={Rows}
            ref={list}
            scrollRef={scroller}
            data={rows}
            shift={isPrepending}
            itemSize={rowPixels}
            bufferSize={600}
          >
            {(row) => (
              <div
                key={row.item.key}
                className={`pb-3 ${message !== undefined && isMeant(row.item, message) ? "rounded-card outline outline-2 outline-clay outline-offset-4" : ""}`}
              >
                <Entry row={row} actions={actions} firstInQueue={conversation.queue[0]} />
              </div>
            )}
          </Virtualizer>
          {obstacle && <p className="rounded-card border border-amber p-3 text-sm">{obstacle}</p>}
          {status === "failed" && statusReason && (
            <p role="alert" className="rounded-card border border-danger p-3 text-sm">
              {statusReason}
            </p>
          )}
          {failure && (
            <p role="alert" className="rounded-card border border-line p-3 text-sm">
              {failure}
            </p>
          )}
          {isLoading && <p className="text-center text-sm text-soft">Reading what was said…</p>}
        </div>
      </div>
      {!isAtEnd && (
        <button
          type="button"
          onClick={goToEnd}
          className="target absolute bottom-2 left-1/2 flex -translate-x-1/2 items-center gap-1 rounded-full border border-line bg-raised px-4 text-sm"
        >
          <ArrowDown aria-hidden className="size-4" /> {fresh > 0 ? `${fresh} new` : "Newest"}
        </button>
      )}
    </div>
  );
}
