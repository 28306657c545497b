import { atMost, type Clock } from "../clock.ts";
import type { NotificationRecord, PushAddress, Records } from "../records/index.ts";
import type { GuardedSender } from "./providers/guarded.ts";
import type { PushMessage } from "./providers/notifier.ts";

const backoffMs = { first: 1_000, most: 300_000 };
const storeAgainMs = 5_000;
const closeMs = 3_000;

/** What is to become of a notification whose time has come. */
export type Preparation =
  | { send: true; address: PushAddress; message: PushMessage }
  | { send: false; state: "withdrawn" | "notSent"; why: string }
  /** Not now: another look at `at` (ms since 1970). */
  | { send: "later"; at: number; why: string };

/** Sends stored notifications when they are due, again and again until a provider took them or they are of no more use. */
export interface Courier {
  /** Takes a notification that is stored as waiting. */
  add(record: NotificationRecord): void;
  /** Those that wait and fit are not sent. Resolves when that is stored. */
  withdraw(fits: (record: NotificationRecord) => boolean, why: string): Promise<void>;
  /** Looks at those that wait and fit at another time. */
  retime(fits: (record: NotificationRecord) => boolean, at: number): void;
  /** The device has it, so it is not sent again. */
  settle(notificationId: string, note: (record: NotificationRecord) => void): boolean;
  /** Resolves when one that was added has been sent, or has failed, or will be tried again. */
  attempted(notificationId: string): Promise<NotificationRecord>;
  /** All that wait or are on their way. */
  readonly pending: readonly NotificationRecord[];
  /** Stops sending; what is on its way gets a moment to arrive. What waits goes on after a restart. */
  close(): Promise<void>;
}

/**
 * @param options.prepare decides right before sending, when all may be different from when it was stored
 * @param options.concurrency messages on their way to one platform at a time
 * @param options.random from 0 to 1, for jitter
 */
export function createCourier(options: {
  records: Pick<Records, "notifications">;
  sender: Pick<GuardedSender, "send">;
  clock: Clock;
  prepare: (record: NotificationRecord) => Promise<Preparation>;
  concurrency: number;
  heldMs: number;
  random: () => number;
  onDone: (record: NotificationRecord, dead: string | undefined) => void;
  onError: (error: unknown) => void;
}): Courier {
  const { clock, sender, prepare } = options;
  const waiting = new Map<string, NotificationRecord>();
  /** Being prepared or sent. */
  const busy = new Map<string, { record: NotificationRecord; work: Promise<void> }>();
  const onTheWay = new Map<string, number>();
  const attempts = new Map<string, PromiseWithResolvers<NotificationRecord>>();
  let armed: { at: number; cancel: () => void } | undefined;
  let closed = false;

  /** Stored sooner or later: what a provider took must not be sent again because a disk was full for a while. */
  async function store(record: NotificationRecord): Promise<void> {
    try {
      await options.records.notifications.save(record);
    } catch (error) {
      options.onError(error);
      if (!closed) clock.after(storeAgainMs, () => void store(record));
    }
  }
  const note = (record: NotificationRecord, text: string) => record.trail.push({ at: clock.now(), text });

  function arm(at: number): void {
    if (closed || (armed !== undefined && armed.at <= at)) return;
    armed?.cancel();
    armed = { at, cancel: clock.after(Math.max(0, at - clock.now()), ring) };
  }
  function ring(): void {
    armed = undefined;
    const due = [...waiting.values()].sort((a, b) => a.dueAt - b.dueAt);
    for (const record of due) {
      // The rest is later still.
      if (record.dueAt > clock.now()) return arm(record.dueAt);
      const { platform } = record;
      const running = onTheWay.get(platform) ?? 0;
      if (running >= options.concurrency) continue;
      onTheWay.set(platform, running + 1);
      waiting.delete(record.notificationId);
      const work = attempt(record)
        .catch((error: unknown) => {
          options.onError(error);
          wait(record, clock.now() + storeAgainMs);
        })
        .finally(() => {
          busy.delete(record.notificationId);
          onTheWay.set(platform, (onTheWay.get(platform) ?? 1) - 1);
          attempts.get(record.notificationId)?.resolve(record);
          attempts.delete(record.notificationId);
          // Its place is free.
          if (waiting.size > 0) arm(clock.now());
        });
      busy.set(record.notificationId, { record, work });
    }
  }
  function wait(record: NotificationRecord, at: number): void {
    record.state = "waiting";
    record.dueAt = at;
    waiting.set(record.notificationId, record);
    arm(at);
  }
  function finish(
    record: NotificationRecord,
    state: NotificationRecord["state"],
    text: string,
    dead?: string,
  ): Promise<void> {
    record.state = state;
    note(record, text);
    options.onDone(record, dead);
    return store(record);
  }

  async function attempt(record: NotificationRecord): Promise<void> {
    // From here on nothing more can be added to what it says.
    record.state = "sending";
    const prepared = await prepare(record);
    if (prepared.send === "later") {
      if (record.trail.at(-1)?.text !== prepared.why) note(record, prepared.why);
      wait(record, prepared.at);
      return store(record);
    }
    if (prepared.send === false) return finish(record, prepared.state, prepared.why);
    record.attempts += 1;
    await store(record);
    const result = await sender.send(prepared.address, prepared.message);
    // A receipt may have come first.
    if ((record.state as NotificationRecord["state"]) === "sent") return;
    switch (result.outcome) {
      case "delivered":
        return finish(record, "sent", `Sent; ${result.text}.`);
      case "dead":
        return finish(record, "failed", `${result.reason}: the address is dead.`, result.reason);
      case "refused":
        return finish(record, "failed", `${result.reason}: it was not taken.`);
      case "held":
        record.attempts -= 1;
        wait(record, clock.now() + options.heldMs * (0.5 + options.random() / 2));
        return;
      case "retry": {
        const most = Math.min(backoffMs.most, backoffMs.first * 2 ** (record.attempts - 1));
        const waitMs = Math.max(most * (0.25 + 0.75 * options.random()), result.retryAfterMs ?? 0);
        if (clock.now() + waitMs >= record.expiresAt)
          return finish(record, "failed", `${result.reason}. It is of no more use later, so it was given up.`);
        note(record, `${result.reason}. Tried again in ${Math.ceil(waitMs / 1_000)} s.`);
        wait(record, clock.now() + waitMs);
        return store(record);
      }
      default:
        return result satisfies never;
    }
  }

  return {
    add: (record) => wait(record, record.dueAt),
    async withdraw(fits, why) {
      const chosen = [...waiting.values()].filter(fits);
      await Promise.all(
        chosen.map((record) => {
          waiting.delete(record.notificationId);
          return finish(record, "withdrawn", why);
        }),
      );
    },
    retime(fits, at) {
      for (const record of waiting.values()) if (fits(record)) wait(record, at);
    },
    settle(notificationId, change) {
      const record = waiting.get(notificationId) ?? busy.get(notificationId)?.record;
      if (record === undefined) return false;
      waiting.delete(notificationId);
      change(record);
      void finish(record, "sent", "The device has it.");
      return true;
    },
    attempted(notificationId) {
      const known = attempts.get(notificationId) ?? Promise.withResolvers<NotificationRecord>();
      attempts.set(notificationId, known);
      return known.promise;
    },
    get pending() {
      return [...waiting.values(), ...[...busy.values()].map(({ record }) => record)];
    },
    async close() {
      closed = true;
      armed?.cancel();
      await atMost(clock, closeMs, Promise.all([...busy.values()].map(({ work }) => work)));
    },
  };
}
