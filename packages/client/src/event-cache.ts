import { result } from "./indexed-db.ts";
import { type SessionFrame, seqOf } from "./session-stream.ts";

/** Keeps the events of sessions on this device: what was seen is there without a network, and at once with one. */
export interface EventCache {
  /** What is kept of a session, in order and without holes; undefined: nothing. */
  read(sessionId: string): Promise<{ epoch: string | undefined; frames: SessionFrame[] } | undefined>;
  /** Adds what came, in the order in which it came. A gap in it makes what is before the gap forgotten. */
  write(sessionId: string, epoch: string | undefined, frames: readonly SessionFrame[]): Promise<void>;
  /** Forgets all other sessions. */
  keepOnly(sessionIds: readonly string[]): Promise<void>;
  /** Forgets all. */
  clear(): Promise<void>;
}

/**
 * The newest frames that follow each other. What could not be written (a full disk) leaves a hole: what is before it would
 * be shown as if nothing were missing.
 */
export function withoutHoles(frames: readonly SessionFrame[]): SessionFrame[] {
  let first = frames.length - 1;
  while (first > 0 && (seqOf(frames[first]) ?? 0) - 1 === seqOf(frames[first - 1])) first -= 1;
  return frames.slice(Math.max(0, first));
}

const store = "events";
const epochs = "epochs";
/** Most that is kept of one session; the oldest go first. */
const eventsMax = 10_000;

/**
 * A cache in the browser's IndexedDB.
 * @param name of the database; one per server and user
 * @throws DOMException when the browser refuses (private windows of some browsers)
 */
export async function openEventCache(name: string): Promise<EventCache> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(store);
    opening.result.createObjectStore(epochs);
  };
  const database = await result(opening);
  database.onversionchange = () => database.close();
  const all = (sessionId: string) => IDBKeyRange.bound([sessionId, 0], [sessionId, Number.MAX_SAFE_INTEGER]);

  async function change(work: (events: IDBObjectStore, known: IDBObjectStore) => void): Promise<void> {
    // A crash of the browser costs the newest of it, which the server has.
    const transaction = database.transaction([store, epochs], "readwrite", { durability: "relaxed" });
    work(transaction.objectStore(store), transaction.objectStore(epochs));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }
  return {
    async read(sessionId) {
      const transaction = database.transaction([store, epochs]);
      const [frames, epoch] = await Promise.all([
        result<SessionFrame[]>(transaction.objectStore(store).getAll(all(sessionId))),
        result<string | undefined>(transaction.objectStore(epochs).get(sessionId)),
      ]);
      const whole = withoutHoles(frames);
      return whole.length === 0 ? undefined : { epoch, frames: whole };
    },
    async write(sessionId, epoch, frames) {
      if (frames.length === 0) return;
      await change((events, known) => {
        for (const frame of frames) {
          const seq = seqOf(frame);
          if (frame.type === "gap") events.delete(all(sessionId));
          else if (seq !== undefined) events.put(frame, [sessionId, seq]);
        }
        const newest = seqOf(frames.findLast((frame) => seqOf(frame) !== undefined)) ?? 0;
        if (newest > eventsMax) events.delete(IDBKeyRange.bound([sessionId, 0], [sessionId, newest - eventsMax]));
        known.put(epoch, sessionId);
      });
    },
    async keepOnly(sessionIds) {
      const kept = new Set(sessionIds);
      const known = await result(database.transaction(epochs).objectStore(epochs).getAllKeys());
      const gone = known.map(String).filter((sessionId) => !kept.has(sessionId));
      if (gone.length === 0) return;
      await change((events, named) => {
        for (const sessionId of gone) {
          events.delete(all(sessionId));
          named.delete(sessionId);
        }
      });
    },
    clear: () =>
      change((events, known) => {
        events.clear();
        known.clear();
      }),
  };
}
