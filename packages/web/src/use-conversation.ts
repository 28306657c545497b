import { type Companion, type EventCache, type SessionFrame, seqOf, uuid } from "@claude-companion/client";
import type { CommandInput } from "@claude-companion/protocol";
import { useCallback, useEffect, useRef, useState } from "react";
import { type Conversation, emptyConversation, withFrames, withoutRequest, withPending } from "./conversation.ts";
import { messageOf } from "./words.ts";

type Content = CommandInput<"sendMessage">["content"];
type Delivery = CommandInput<"sendMessage">["delivery"];

/** A conversation that goes on. */
export interface LiveConversation extends Conversation {
  /** Nothing is known of it yet, not even that it is empty. */
  readonly isLoading: boolean;
  /** Why it cannot be read, such as that there is none. */
  readonly failure: string | undefined;
  /** False: there is nothing before what is shown. */
  readonly hasEarlier: boolean;
  loadEarlier(): Promise<void>;
  /** A request that the server says is answered, while it is still shown here. */
  dismiss(permissionId: string): void;
  /** Shows it at once; it leaves when there is a way, once. */
  send(content: Content, options?: { delivery?: Delivery; messageId?: string }): void;
}

/** A fresh device reads so many of the newest events; what was before is read when somebody looks there. */
const firstEvents = 400;
const pageEvents = 200;

/** A session's conversation: first what this device has kept, then what happened since, then live. */
export function useConversation(house: {
  companion: Companion;
  cache: EventCache | undefined;
  sessionId: string;
}): LiveConversation {
  const { companion, cache, sessionId } = house;
  const [conversation, setConversation] = useState(emptyConversation);
  const [isLoading, setLoading] = useState(true);
  const [failure, setFailure] = useState<string>();
  const [hasEarlier, setEarlier] = useState(true);
  /** Everything that is shown was made of these. */
  const known = useRef<{ earlier: SessionFrame[]; frames: SessionFrame[]; next: string | undefined }>({
    earlier: [],
    frames: [],
    next: undefined,
  });

  useEffect(() => {
    const ending = new AbortController();
    const all: SessionFrame[] = [];
    known.current = { earlier: [], frames: all, next: undefined };
    let waiting: SessionFrame[] = unsentOf(companion, sessionId);
    let scheduled = false;
    let epoch: () => string | undefined = () => undefined;
    const show = () => {
      scheduled = false;
      if (ending.signal.aborted) return;
      const frames = waiting;
      waiting = [];
      setConversation((before) => withFrames(before, frames));
      setLoading(false);
      const stored = frames.filter((frame) => frame.type === "gap" || seqOf(frame) !== undefined);
      // Without room, or in a window that keeps nothing, the server still has it all.
      cache?.write(sessionId, epoch(), stored).catch(() => {});
    };
    function schedule(): void {
      if (scheduled) return;
      scheduled = true;
      // A page that is not seen gets no animation frames.
      if (document.hidden) setTimeout(show, 250);
      else requestAnimationFrame(show);
    }
    void (async () => {
      const kept = await cache?.read(sessionId).catch(() => undefined);
      if (ending.signal.aborted) return;
      if (kept) {
        all.push(...kept.frames);
        setConversation(withFrames(emptyConversation, [...kept.frames, ...waiting]));
        waiting = [];
        setLoading(false);
      } else if (waiting.length > 0) schedule();
      const from = seqOf(kept?.frames.at(-1)) ?? (await beginning(companion, sessionId));
      if (ending.signal.aborted) return;
      const stream = companion.subscribe(sessionId, {
        after: from,
        signal: ending.signal,
        ...(kept?.epoch === undefined ? {} : { epoch: kept.epoch }),
      });
      epoch = () => stream.position.epoch;
      void stream.subscribed.then(
        ({ pendingPermissions }) => {
          setConversation((now) => withPending(now, pendingPermissions));
          schedule();
        },
        () => {},
      );
      try {
        for await (const frame of stream) {
          if (frame.type === "gap") all.length = 0;
          all.push(frame);
          waiting.push(frame);
          schedule();
        }
      } catch (error) {
        if (ending.signal.aborted) return;
        setFailure(messageOf(error));
        setLoading(false);
      }
    })();
    return () => ending.abort();
  }, [companion, cache, sessionId]);

  const loadEarlier = useCallback(async () => {
    const { current } = known;
    const firstSeq = seqOf(current.frames.find((frame) => seqOf(frame) !== undefined));
    const before = current.next ?? (firstSeq === undefined ? undefined : `log.${firstSeq}`);
    const from = before === undefined ? {} : { before };
    const page = await companion.request("readHistory", { sessionId, limit: pageEvents, ...from });
    if (known.current !== current) return;
    current.earlier.unshift(...(page.items as SessionFrame[]));
    current.next = page.next;
    if (page.next === undefined) setEarlier(false);
    // What came first is not told last: status, prompts and plans stand as they are now.
    setConversation((now) => {
      const { items } = withFrames(emptyConversation, [...current.earlier, ...current.frames]);
      const shown = new Set(items.map(({ key }) => key));
      return { ...now, items: [...items, ...now.items.filter(({ key }) => !shown.has(key))] };
    });
  }, [companion, sessionId]);

  const send: LiveConversation["send"] = useCallback(
    (content, { delivery, messageId = uuid() } = {}) => {
      const note = (frame: SessionFrame) => setConversation((before) => withFrames(before, [frame]));
      note(ownFrame(sessionId, { messageId, content }));
      companion
        .send(sessionId, content, { messageId, ...(delivery === undefined ? {} : { delivery }) })
        .catch((error: unknown) =>
          note({
            type: "messageState",
            sessionId,
            timestamp: new Date().toISOString(),
            data: { messageId, state: "failed", reason: messageOf(error) },
          }),
        );
    },
    [companion, sessionId],
  );
  const dismiss = useCallback(
    (permissionId: string) => setConversation((now) => withoutRequest(now, permissionId)),
    [],
  );
  return { ...conversation, isLoading, failure, hasEarlier, loadEarlier, dismiss, send };
}

/** Where a device that has nothing yet begins to read. */
async function beginning(companion: Companion, sessionId: string): Promise<number> {
  try {
    const answer = await companion.fetch(`/api/sessions/${sessionId}`);
    const { session }: { session: { lastSeq: number } } = await answer.json();
    return Math.max(0, session.lastSeq - firstEvents);
  } catch {
    return 0;
  }
}

/** What was written here and has not left yet. */
const unsentOf = (companion: Companion, sessionId: string): SessionFrame[] =>
  companion
    .unsent()
    .filter((message) => message.sessionId === sessionId)
    .map((message) => ownFrame(sessionId, message));

/** A message of our own before the server has it: it has no place in the log. */
const ownFrame = (
  sessionId: string,
  { messageId, content }: { messageId: string; content: Content },
): Extract<SessionFrame, { type: "humanMessage" }> => ({
  type: "humanMessage",
  sessionId,
  timestamp: new Date().toISOString(),
  data: { messageId, content, queued: false },
});
