import type { Clock } from "../clock.ts";
import type { PositionRecord, Records } from "../records/index.ts";

const saveAfterMs = 1_000;

/**
 * How far each device has come. For unread counts, retention and clients without storage of their own; correctness
 * never rests on it, so it is written behind, a second late at most.
 */
export interface Positions {
  find(deviceId: string, sessionId: string): Promise<PositionRecord | undefined>;
  /** Moves a position forward, never back, unless the epoch is another. @returns the position now */
  acknowledge(at: { deviceId: string; sessionId: string; epoch: string; seq: number }): Promise<number>;
  /** Notes whether the device follows the session: it is told so when it comes back. */
  setSubscribed(at: { deviceId: string; sessionId: string; epoch: string; subscribed: boolean }): Promise<void>;
  /** All of one device. */
  list(deviceId: string): Promise<PositionRecord[]>;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

/** @param options.onError told of a failed write; it is tried again with the next one */
export function createPositions(options: {
  records: Pick<Records, "positions">;
  clock: Clock;
  onError: (error: unknown) => void;
}): Positions {
  const { positions } = options.records;
  /** Changed and perhaps not written; what was written is forgotten and read again when asked for. */
  const dirty = new Map<string, PositionRecord>();
  let cancel: (() => void) | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function saveAll(): Promise<void> {
    cancel = undefined;
    for (const [key, record] of [...dirty]) {
      await positions.save(record);
      if (dirty.get(key) === record) dirty.delete(key);
    }
  }
  function change(record: PositionRecord): void {
    dirty.set(`${record.deviceId}/${record.sessionId}`, record);
    cancel ??= options.clock.after(saveAfterMs, () => {
      saving = saveAll().catch(options.onError);
    });
  }
  const find = async (deviceId: string, sessionId: string) => {
    const key = `${deviceId}/${sessionId}`;
    const stored = dirty.get(key) ?? (await positions.find(key));
    return dirty.get(key) ?? stored;
  };

  return {
    find,
    async acknowledge({ deviceId, sessionId, epoch, seq }) {
      const known = await find(deviceId, sessionId);
      if (known?.epoch === epoch && known.ackedSeq >= seq) return known.ackedSeq;
      change({ deviceId, sessionId, epoch, ackedSeq: seq, subscribed: known?.subscribed ?? false });
      return seq;
    },
    async setSubscribed({ deviceId, sessionId, epoch, subscribed }) {
      const known = await find(deviceId, sessionId);
      if (known?.epoch === epoch && known.subscribed === subscribed) return;
      change({ deviceId, sessionId, epoch, ackedSeq: known?.epoch === epoch ? known.ackedSeq : 0, subscribed });
    },
    async list(deviceId) {
      const all = new Map((await positions.list(deviceId)).map((record) => [record.sessionId, record]));
      for (const record of dirty.values()) if (record.deviceId === deviceId) all.set(record.sessionId, record);
      return [...all.values()];
    },
    async close() {
      cancel?.();
      await saving;
      await saveAll();
    },
  };
}
