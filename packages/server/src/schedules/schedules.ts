import { randomUUID } from "node:crypto";
import { type Actor, CompanionError, type Content, type Schedule } from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import { isScheduled, type Records, type ScheduleRecord } from "../records/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Report } from "../telemetry/index.ts";
import type { Uploads } from "../uploads/index.ts";
import { uuidOf } from "../uuid-of.ts";
import { localTimeZone, timesAfter, timingOf } from "./timing.ts";

const activeMax = 100;
/** The wall clock may jump, so it is looked at now and then, also when the next time is far off. */
const lookMs = 30_000;
/** What comes so much later than its time has missed it. */
const graceMs = 2 * 60_000;
const retryMs = 60_000;
const keepFinishedMs = 30 * 86_400_000;
/** A limit that resets at a full minute may take a moment longer. */
const afterLimitMs = 5_000;
const afterLimitText = "The usage limit has reset. Go on where you were interrupted.";

interface Given {
  content?: Content | undefined;
  at?: string | undefined;
  cron?: string | undefined;
  timeZone?: string | undefined;
  missed?: ScheduleRecord["missed"] | undefined;
}

/** Messages that are sent by themselves. Each time of each schedule is sent once, whatever is restarted in between. */
export interface Schedules {
  /** The same id again gives what is there. @throws CompanionError `INVALID_REQUEST`, `SESSION_ENDED`, `CONFLICT`, `NOT_FOUND` */
  create(
    user: string,
    request: Given & {
      sessionId: string;
      scheduleId: string | undefined;
      content: Content;
      by: z.infer<typeof Actor>;
    },
  ): Promise<ScheduleRecord>;
  /** The next first. */
  list(user: string, which: { sessionId: string | undefined; finished: boolean }): Promise<ScheduleRecord[]>;
  /** @throws CompanionError `NOT_FOUND`, `CONFLICT` when it is finished, `INVALID_REQUEST` */
  update(user: string, scheduleId: string, change: Given & { paused?: boolean | undefined }): Promise<ScheduleRecord>;
  /** What is finished stays as it is. @throws CompanionError `NOT_FOUND` */
  cancel(user: string, scheduleId: string): Promise<ScheduleRecord>;
  /** Forgets what was finished long ago. */
  expire(): Promise<void>;
  close(): void;
}

/** A schedule as clients see it. */
export function scheduleOf(record: ScheduleRecord): z.infer<typeof Schedule> {
  const { user: _user, at, nextAt, createdAt, lastSentAt, ...rest } = record;
  const next = record.state === "waiting" && nextAt !== undefined ? [nextAt, ...timesAfter(record, nextAt, 2)] : [];
  return {
    ...rest,
    at: at === undefined ? undefined : isoTime(at),
    createdAt: isoTime(createdAt),
    lastSentAt: lastSentAt === undefined ? undefined : isoTime(lastSentAt),
    next: next.map(isoTime),
  };
}

/** Opens what was scheduled before: times that have passed are treated as each schedule says. */
export async function createSchedules(options: {
  sessions: Pick<Sessions, "get" | "watch" | "peek">;
  records: Pick<Records, "schedules" | "sessions">;
  uploads: Pick<Uploads, "attach">;
  report: Pick<Report, "scheduleDue" | "storageFailed">;
  clock: Clock;
}): Promise<Schedules> {
  const { sessions, records, uploads, report, clock } = options;
  /** Those whose time will come. */
  const waiting = new Map<string, ScheduleRecord>();
  /** Times that could not be sent are tried again, not before this. */
  const retryAt = new Map<string, number>();
  /** What changes schedules is done one after the other. */
  let last: Promise<unknown> = Promise.resolve();
  function alone<T>(change: () => Promise<T>): Promise<T> {
    const mine = last.then(change);
    last = mine.catch(() => {});
    return mine;
  }
  const dueAt = ({ scheduleId, nextAt = Number.POSITIVE_INFINITY }: ScheduleRecord) =>
    Math.max(nextAt, retryAt.get(scheduleId) ?? 0);
  let cancelTimer: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  /** Stored together with the event that tells devices of it, if there is a session to tell. */
  async function save(record: ScheduleRecord): Promise<void> {
    if (record.state === "waiting") waiting.set(record.scheduleId, record);
    else waiting.delete(record.scheduleId);
    const write = records.schedules.write(record);
    const event = { type: "scheduleChanged" as const, data: { schedule: scheduleOf(record) } };
    try {
      const session = await sessions.get(record.user, record.sessionId);
      await session.note(event, [write]);
    } catch (error) {
      if (!isGone(error)) throw error;
      await records.schedules.save(record);
    }
    arm();
  }
  function arm(): void {
    cancelTimer?.();
    if (closed || running !== undefined || waiting.size === 0) return;
    const next = Math.min(...[...waiting.values()].map(dueAt));
    cancelTimer = clock.after(Math.min(Math.max(0, next - clock.now()), lookMs), look);
  }
  function look(): void {
    running ??= sendDue()
      .catch((error: unknown) => report.storageFailed({ operation: "schedules", error }))
      .finally(() => {
        running = undefined;
        arm();
      });
  }
  async function sendDue(): Promise<void> {
    const now = clock.now();
    const due = [...waiting.values()].filter((record) => dueAt(record) <= now).sort((a, b) => dueAt(a) - dueAt(b));
    for (const { scheduleId } of due) {
      if (closed) return;
      await alone(async () => {
        // It may have been changed or erased meanwhile.
        const record = await records.schedules.find(scheduleId);
        if (record?.state !== "waiting") waiting.delete(scheduleId);
        else if (record.nextAt !== undefined && record.nextAt <= now) await send(record, record.nextAt);
      });
    }
  }
  async function send(record: ScheduleRecord, wantedAt: number): Promise<void> {
    const { user, sessionId, scheduleId, content, by } = record;
    const isLate = clock.now() - wantedAt > graceMs;
    if (isLate && record.missed === "skip")
      return passOver(
        record,
        `It was not sent at ${isoTime(wantedAt)}: no server was running, or it could not be stored.`,
      );
    try {
      const session = await sessions.get(user, sessionId);
      if (session.queue.some(({ messageId }) => messageId === record.lastMessageId))
        return await passOver(record, `It was not sent at ${isoTime(wantedAt)}: the one before still waits.`);
      // Made of the time that was due: if we are killed now, the next server sends the same message, which counts once.
      const messageId = uuidOf(`${scheduleId}/${wantedAt}`);
      await session.send({ messageId, content, by, delivery: "queue", scheduleId });
      report.scheduleDue({ scheduleId, sessionId, outcome: "sent", lateMs: clock.now() - wantedAt });
      const sent = { lastSentAt: clock.now(), lastMessageId: messageId, sent: record.sent + 1, reason: undefined };
      await save({ ...record, ...sent, ...following(record, "done") });
      retryAt.delete(scheduleId);
    } catch (error) {
      if (error instanceof CompanionError && !error.retryable)
        return save({ ...record, state: "failed", nextAt: undefined, reason: messageOf(error) });
      report.scheduleDue({ scheduleId, sessionId, outcome: "failed", lateMs: clock.now() - wantedAt });
      retryAt.set(scheduleId, clock.now() + retryMs);
    }
  }
  async function passOver(record: ScheduleRecord, reason: string): Promise<void> {
    const { scheduleId, sessionId } = record;
    report.scheduleDue({ scheduleId, sessionId, outcome: "skipped", lateMs: clock.now() - (record.nextAt ?? 0) });
    await save({ ...record, reason, ...following(record, "failed") });
  }
  async function cancelled(record: ScheduleRecord, reason: string | undefined): Promise<ScheduleRecord> {
    const changed: ScheduleRecord = { ...record, state: "cancelled", nextAt: undefined, reason };
    await save(changed);
    return changed;
  }
  /** The next time, or the end. */
  function following(record: ScheduleRecord, end: "done" | "failed"): Pick<ScheduleRecord, "nextAt" | "state"> {
    const [nextAt] = timesAfter(record, clock.now(), 1);
    return { nextAt, state: nextAt === undefined ? end : "waiting" };
  }
  async function find(user: string, scheduleId: string): Promise<ScheduleRecord> {
    const record = await records.schedules.find(scheduleId);
    if (record?.user === user) return record;
    throw new CompanionError("NOT_FOUND", `There is no schedule ${scheduleId}. List yours with GET /api/schedules.`);
  }

  /** A session that goes on by itself gets a message for when its limit has reset; one that went on otherwise needs none. */
  async function consider(sessionId: string): Promise<void> {
    const session = sessions.peek(sessionId);
    const own = [...waiting.values()].filter((record) => record.sessionId === sessionId);
    if (session === undefined) {
      for (const record of own) await cancelled(record, "The session has ended.");
      return;
    }
    const { obstacle, continueAfterLimit, user } = session;
    const until = continueAfterLimit && obstacle?.kind === "usageLimit" ? obstacle.until : undefined;
    const wanted = until === undefined ? undefined : uuidOf(`${sessionId}/usageLimit/${until}`);
    for (const record of own)
      if (record.origin === "usageLimit" && record.scheduleId !== wanted)
        await cancelled(record, "It is no longer needed.");
    if (wanted === undefined || until === undefined) return;
    // One that a person has cancelled is not made again.
    if ((await records.schedules.find(wanted)) !== undefined) return;
    const at = Date.parse(until) + afterLimitMs;
    await save({
      ...newRecord({ user, sessionId, scheduleId: wanted, content: afterLimitText, by: undefined }),
      ...{ at, cron: undefined, timeZone: localTimeZone(), nextAt: at, missed: "send", origin: "usageLimit" },
    });
  }
  const newRecord = (own: Pick<ScheduleRecord, "user" | "sessionId" | "scheduleId" | "content" | "by">) => ({
    ...own,
    state: "waiting" as const,
    reason: undefined,
    createdAt: clock.now(),
    lastSentAt: undefined,
    lastMessageId: undefined,
    sent: 0,
  });
  /** Called at each change of a session: mostly there is nothing to think about. */
  function considering(sessionId: string): void {
    const isConcerned = [...waiting.values()].some((record) => record.sessionId === sessionId);
    if (!isConcerned && sessions.peek(sessionId)?.obstacle?.kind !== "usageLimit") return;
    alone(() => consider(sessionId)).catch((error: unknown) => report.storageFailed({ operation: "schedules", error }));
  }
  const stopWatching = sessions.watch(({ sessionId }) => considering(sessionId));

  for (const record of await records.schedules.list())
    if (record.state === "waiting") waiting.set(record.scheduleId, record);
  for (const { sessionId, obstacle } of await records.sessions.list())
    if (obstacle?.kind === "usageLimit") considering(sessionId);
  arm();

  const schedules: Schedules = {
    create: (user, { sessionId, scheduleId = randomUUID(), content, by, missed = "send", ...given }) =>
      alone(async () => {
        const known = await records.schedules.find(scheduleId);
        if (known !== undefined && known.user !== user)
          throw new CompanionError("CONFLICT", "This schedule id is taken. Choose another UUID.");
        if (known !== undefined) return known;
        const session = await sessions.get(user, sessionId);
        if (session.state.name === "ended")
          throw new CompanionError("SESSION_ENDED", `Session ${sessionId} has ended. Create a new one.`);
        if ([...waiting.values()].filter((record) => record.user === user).length >= activeMax)
          throw new CompanionError("CONFLICT", `You have ${activeMax} schedules. Cancel some that you no longer need.`);
        const timing = timingOf(given, clock.now());
        const [nextAt] = timesAfter(timing, clock.now(), 1);
        const record: ScheduleRecord = {
          ...newRecord({ user, sessionId, scheduleId, by, content: await uploads.attach(user, content) }),
          ...{ ...timing, nextAt, missed, origin: "person" },
        };
        await save(record);
        return record;
      }),
    async list(user, { sessionId, finished }) {
      const isListed = (record: ScheduleRecord) =>
        (sessionId === undefined || record.sessionId === sessionId) && (finished || isScheduled(record));
      const own = (await records.schedules.list(user)).filter(isListed);
      const last = Number.POSITIVE_INFINITY;
      return own.sort((a, b) => (a.nextAt ?? last) - (b.nextAt ?? last) || b.createdAt - a.createdAt);
    },
    update: (user, scheduleId, { content, paused, missed, at, cron, timeZone }) =>
      alone(async () => {
        const record = await find(user, scheduleId);
        if (!isScheduled(record))
          throw new CompanionError("CONFLICT", `This schedule is ${record.state}. Make a new one.`);
        const isTimed = at !== undefined || cron !== undefined;
        const timing = isTimed
          ? timingOf({ at, cron, timeZone: timeZone ?? record.timeZone }, clock.now())
          : { ...record, timeZone: timeZone ?? record.timeZone };
        const isPaused = paused ?? record.state === "paused";
        const [nextAt] = timesAfter(timing, clock.now(), 1);
        if (!isPaused && nextAt === undefined)
          throw new CompanionError("CONFLICT", "Its time has passed. Give another one with `at`.");
        const changed: ScheduleRecord = {
          ...record,
          ...{ at: timing.at, cron: timing.cron, timeZone: timing.timeZone },
          content: content === undefined ? record.content : await uploads.attach(user, content),
          missed: missed ?? record.missed,
          state: isPaused ? "paused" : "waiting",
          nextAt: isPaused ? undefined : nextAt,
          reason: undefined,
        };
        await save(changed);
        return changed;
      }),
    cancel: (user, scheduleId) =>
      alone(async () => {
        const record = await find(user, scheduleId);
        return isScheduled(record) ? cancelled(record, record.reason) : record;
      }),
    async expire() {
      const before = clock.now() - keepFinishedMs;
      for (const record of await records.schedules.list()) {
        if (!isScheduled(record) && Math.max(record.createdAt, record.lastSentAt ?? 0, record.at ?? 0) < before)
          await records.schedules.remove(record.scheduleId);
      }
    },
    close() {
      closed = true;
      cancelTimer?.();
      stopWatching();
    },
  };
  return schedules;
}

const isGone = (error: unknown): boolean =>
  error instanceof CompanionError && (error.code === "SESSION_NOT_FOUND" || error.code === "SESSION_ENDED");
