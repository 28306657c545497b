import type { Clock } from "../clock.ts";
import type { Positions } from "../delivery/index.ts";
import type { EventLog, StoredEvent } from "../log/index.ts";
import { createInterpreter, type Happening, type Interpreter, meaningful } from "./happening.ts";

/** Under this name the position of push in each log is kept, as that of a device. */
const reader = "push";
const page = { events: 512, bytes: 256 * 1024 };
const againMs = 5_000;
/** How far back the log is read of a session that push has no position in: what the last moments before a crash hold. */
const lookBack = 256;

/** What happened, and where it stands in the log: the same event always has the same. */
export interface Occurrence {
  sessionId: string;
  epoch: string;
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
  happening: Happening;
  /** Of the request that began the turn. */
  correlationId: string | undefined;
}

/**
 * Push is a subscriber of the log like any other, with a position of its own: what was stored while no server ran, or
 * right before it was killed, is read again after the start. Reading twice is harmless: a notification's id comes from
 * the event and the target.
 * @param options.isNeeded false: nobody is to be told anything, events need not be read
 * @param options.handle stores what is to be told; when it throws, the event is handled again
 */
export function subscribePush(options: {
  log: Pick<EventLog, "follow" | "read" | "head">;
  positions: Pick<Positions, "find" | "acknowledge">;
  clock: Clock;
  isNeeded: () => boolean;
  handle: (occurrence: Occurrence) => Promise<void>;
  onError: (error: unknown) => void;
}): { catchUp(sessionIds: readonly string[]): void; settled(): Promise<void>; close(): void } {
  const { log, positions, clock } = options;
  /** What is still to be done for a session, in order. */
  const chains = new Map<string, Promise<void>>();
  const interpreters = new Map<string, Interpreter>();
  /** Sessions of which all that was stored before has been read. */
  const caughtUp = new Set<string>();
  let closed = false;

  function alone(sessionId: string, run: () => Promise<void>): void {
    const before = chains.get(sessionId) ?? Promise.resolve();
    const after = before
      .then(() => untilItWorks(run))
      .finally(() => {
        if (chains.get(sessionId) === after) chains.delete(sessionId);
      });
    chains.set(sessionId, after);
  }
  async function untilItWorks(run: () => Promise<void>): Promise<void> {
    while (!closed) {
      try {
        return await run();
      } catch (error) {
        options.onError(error);
        const wait = Promise.withResolvers<void>();
        clock.after(againMs, wait.resolve);
        await wait.promise;
      }
    }
  }
  async function read(event: StoredEvent, epoch: string): Promise<void> {
    const { sessionId, seq, type, timestamp, frame } = event;
    if (!meaningful.has(type)) return;
    const interpreter = interpreters.get(sessionId) ?? createInterpreter();
    const happening = interpreter.read(type, JSON.parse(frame).data);
    const { correlationId } = interpreter;
    if (interpreter.isBlank) interpreters.delete(sessionId);
    else interpreters.set(sessionId, interpreter);
    if (happening) await options.handle({ sessionId, epoch, seq, at: Date.parse(timestamp), happening, correlationId });
  }
  async function readLive(event: StoredEvent): Promise<void> {
    const head = await log.head(event.sessionId);
    // Erased meanwhile: there is nothing to tell of it.
    if (head === undefined) return;
    await read(event, head.epoch);
    await positions.acknowledge({ deviceId: reader, sessionId: event.sessionId, epoch: head.epoch, seq: event.seq });
  }
  async function readMissed(sessionId: string): Promise<void> {
    const [head, position] = await Promise.all([log.head(sessionId), positions.find(reader, sessionId)]);
    if (head === undefined) return;
    let after =
      position?.epoch === head.epoch ? position.ackedSeq : Math.max(head.firstSeq - 1, head.lastSeq - lookBack);
    while (after < head.lastSeq && !closed) {
      const events = await log.read(sessionId, after, page);
      const last = events.at(-1);
      if (last === undefined) break;
      for (const event of events) await read(event, head.epoch);
      after = last.seq;
    }
    await positions.acknowledge({ deviceId: reader, sessionId, epoch: head.epoch, seq: head.lastSeq });
  }
  /** Before anything newer of a session is read: that moves the position, and what lies before it would never be. */
  function catchUp(sessionId: string): void {
    if (caughtUp.has(sessionId)) return;
    caughtUp.add(sessionId);
    alone(sessionId, () => readMissed(sessionId));
  }
  const unfollow = log.follow((events) => {
    for (const event of events) {
      if (!meaningful.has(event.type) || !options.isNeeded()) continue;
      catchUp(event.sessionId);
      alone(event.sessionId, () => readLive(event));
    }
  });

  const settled = async () => {
    while (chains.size > 0) await Promise.all(chains.values());
  };
  return {
    catchUp: (sessionIds) => sessionIds.forEach(catchUp),
    settled,
    close() {
      unfollow();
      closed = true;
    },
  };
}
