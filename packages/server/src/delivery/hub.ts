import { CompanionError, type StreamData } from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import type { EventLog, StoredEvent } from "../log/index.ts";
import { type Page, pageOf } from "./batch.ts";
import { createLiveText, type LiveText } from "./live-text.ts";
import { createSubscription, type GapNotice, type Subscription } from "./subscription.ts";
import { createTail, type Tail } from "./tail.ts";

const rollUpMs = 40;
const pageLimit = { events: 512, bytes: 64 * 1024 };
const sharedReadMs = 1_000;
/** Most pages that are kept for others who may ask for the same: 4 MB. */
const sharedReadsMax = 64;

/** Where the log meets those who follow it. */
export interface Hub {
  /**
   * Begins to follow a session.
   * @param options.after a position, or undefined for "from now on"
   * @param options.epoch the epoch that the position belongs to; another one than the log's is a reset
   * @throws CompanionError `SESSION_NOT_FOUND`
   */
  subscribe(
    sessionId: string,
    options: { after: number | undefined; epoch: string | undefined; types: readonly string[] | undefined },
  ): Promise<Subscription>;
  /**
   * Live text of a session, which goes to its subscribers and nowhere else. Must come only after the events that were
   * made before it are committed.
   * @param afterSeq the newest of those events
   */
  stream(sessionId: string, delta: Omit<z.infer<typeof StreamData>, "offset">, afterSeq: number): void;
  /** Takes the text of a session's open blocks, which nobody will finish. */
  abandon(sessionId: string): { delta: Omit<z.infer<typeof StreamData>, "offset" | "text">; text: string }[];
  /** The log of a session was erased: ends its subscriptions, and what is remembered of it. */
  forget(sessionId: string): void;
  /** Ends all subscriptions. */
  close(): void;
}

interface Channel {
  readonly sessionId: string;
  readonly live: LiveText;
  readonly subscriptions: Set<Subscription>;
  /** Subscriptions being made: the channel must stay although nobody follows it yet. */
  opening: number;
  tail: Tail | undefined;
  /** Monotonic time of the last wake for text. */
  streamedAt: number;
  cancelRollUp: (() => void) | undefined;
}

/** @param options.log what is followed and read */
export function createHub(options: { log: Pick<EventLog, "read" | "head" | "follow">; clock: Clock }): Hub {
  const { log, clock } = options;
  const channels = new Map<string, Channel>();
  /** Pages being read or just read: a storm of clients that come back at once asks for the same ones. */
  const reads = new Map<string, Promise<Page>>();
  const now = () => isoTime(clock.now());
  let closed = false;

  function channelOf(sessionId: string): Channel {
    const known = channels.get(sessionId);
    if (known) return known;
    const live = createLiveText({ sessionId, now });
    const channel: Channel = {
      sessionId,
      live,
      subscriptions: new Set(),
      opening: 0,
      tail: undefined,
      streamedAt: -rollUpMs,
      cancelRollUp: undefined,
    };
    channels.set(sessionId, channel);
    return channel;
  }

  function dropIfUnused(channel: Channel): void {
    if (channel.subscriptions.size > 0 || channel.opening > 0) return;
    channel.tail = undefined;
    channel.cancelRollUp?.();
    channel.cancelRollUp = undefined;
    if (channel.live.isEmpty && channels.get(channel.sessionId) === channel) channels.delete(channel.sessionId);
  }

  function wakeAll(channel: Channel): void {
    for (const subscription of channel.subscriptions) subscription.wake();
  }

  /** A block that a stored event replaces is closed before anybody is woken, or its rest would be sent after it. */
  function closeBlocks(channel: Channel, event: StoredEvent): void {
    if (event.type === "turnCompleted") return channel.live.clear();
    if (event.type !== "assistantMessage" && event.type !== "toolUse") return;
    const { messageId, blockIndex } = JSON.parse(event.frame).data;
    channel.live.close(messageId, blockIndex);
  }

  const unfollow = log.follow((events) => {
    // Events of one commit are of one session.
    const channel = channels.get(events[0]?.sessionId ?? "");
    if (channel === undefined) return;
    if (!channel.live.isEmpty) for (const event of events) closeBlocks(channel, event);
    channel.tail?.push(events);
    if (channel.subscriptions.size === 0) dropIfUnused(channel);
    else wakeAll(channel);
  });

  function read(sessionId: string, after: number): Promise<Page> {
    const key = `${sessionId}/${after}`;
    const shared = reads.get(key);
    if (shared !== undefined) return shared;
    const page = log.read(sessionId, after, pageLimit).then(pageOf);
    const [oldest] = reads.keys();
    if (reads.size >= sharedReadsMax && oldest !== undefined) reads.delete(oldest);
    reads.set(key, page);
    const forget = () => {
      if (reads.get(key) === page) reads.delete(key);
    };
    // An empty page is never shared: who comes a moment later may find something there.
    page.then(({ events }) => (events.length > 0 ? void clock.after(sharedReadMs, forget) : forget()), forget);
    return page;
  }

  /** @throws CompanionError `SESSION_NOT_FOUND` */
  async function follow(channel: Channel, request: Parameters<Hub["subscribe"]>[1]): Promise<Subscription> {
    const { sessionId } = channel;
    const { after, epoch, types } = request;
    // Follow first, read second: what is stored from here on is in the tail; the other order would lose it.
    channel.tail ??= createTail(0);
    const head = await log.head(sessionId);
    if (head === undefined || closed)
      throw new CompanionError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`);
    if (channel.tail.lastSeq < head.lastSeq) channel.tail = createTail(head.lastSeq);
    const lastSeq = channel.tail.lastSeq;
    const wanted = after ?? lastSeq;
    const isReset = (epoch !== undefined && epoch !== head.epoch) || wanted > lastSeq;
    const gap: GapNotice | undefined = isReset
      ? { fromSeq: 1, toSeq: Math.max(1, wanted), reason: "reset" }
      : wanted < head.firstSeq - 1
        ? { fromSeq: wanted + 1, toSeq: head.firstSeq - 1, reason: "expired" }
        : undefined;
    const subscription = createSubscription({
      source: {
        sessionId,
        get tail() {
          return channel.tail;
        },
        live: channel.live,
        read: (position) => read(sessionId, position),
        head: () => log.head(sessionId),
      },
      head: { ...head, lastSeq },
      after: gap ? head.firstSeq - 1 : wanted,
      gap,
      types: types && new Set(types),
      now,
      onClose(ended) {
        channel.subscriptions.delete(ended);
        dropIfUnused(channel);
      },
    });
    channel.subscriptions.add(subscription);
    return subscription;
  }

  return {
    async subscribe(sessionId, request) {
      const channel = channelOf(sessionId);
      channel.opening += 1;
      try {
        return await follow(channel, request);
      } finally {
        channel.opening -= 1;
        dropIfUnused(channel);
      }
    },

    stream(sessionId, delta, afterSeq) {
      const channel = channelOf(sessionId);
      channel.live.append(delta, afterSeq);
      if (channel.subscriptions.size === 0 || channel.cancelRollUp) return;
      // The first piece at once, what follows rolled up: 25 frames a second read as well as 100.
      const wait = channel.streamedAt + rollUpMs - clock.monotonicMs();
      const tell = () => {
        channel.cancelRollUp = undefined;
        channel.streamedAt = clock.monotonicMs();
        wakeAll(channel);
      };
      if (wait <= 0) tell();
      else channel.cancelRollUp = clock.after(wait, tell);
    },

    abandon(sessionId) {
      return channels.get(sessionId)?.live.takeAll() ?? [];
    },

    forget(sessionId) {
      for (const key of [...reads.keys()]) if (key.startsWith(`${sessionId}/`)) reads.delete(key);
      const channel = channels.get(sessionId);
      channels.delete(sessionId);
      channel?.cancelRollUp?.();
      for (const subscription of [...(channel?.subscriptions ?? [])]) subscription.close();
    },

    close() {
      closed = true;
      unfollow();
      for (const channel of channels.values()) {
        for (const subscription of [...channel.subscriptions]) subscription.close();
        channel.cancelRollUp?.();
      }
      channels.clear();
    },
  };
}
