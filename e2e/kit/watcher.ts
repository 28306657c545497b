import type { SessionFrame, SessionStream } from "@claude-companion/client";

export type Stored = Extract<SessionFrame, { seq?: unknown }>;
const patienceMs = 20_000;

/** Reads a stream to its end, keeps what came, and lets a test wait for what it needs. */
export interface Watcher {
  readonly frames: SessionFrame[];
  /** Stored events, in order. */
  readonly stored: Stored[];
  /** The first frame of a type, from a place on, that fits. */
  until<T extends SessionFrame["type"]>(
    type: T,
    fits?: (frame: Extract<SessionFrame, { type: T }>) => boolean,
    from?: number,
  ): Promise<Extract<SessionFrame, { type: T }>>;
  /** Waits until the session is idle, from a place in `frames` on. */
  idle(from?: number): Promise<unknown>;
  readonly ended: Promise<void>;
}

export function watch(stream: SessionStream): Watcher {
  const frames: SessionFrame[] = [];
  const waiting = new Set<() => void>();
  const ended = (async () => {
    for await (const frame of stream) {
      frames.push(frame);
      for (const look of [...waiting]) look();
    }
  })();
  ended.catch(() => {});
  const watcher: Watcher = {
    frames,
    get stored() {
      return frames.filter((frame): frame is Stored => "seq" in frame && frame.seq !== undefined);
    },
    until(type, fits = () => true, from = 0) {
      return new Promise((resolve, reject) => {
        const patience = setTimeout(
          () => reject(new Error(`no ${type} came; there was: ${frames.map((frame) => frame.type).join(" ")}`)),
          patienceMs,
        );
        const look = () => {
          const found = frames.slice(from).find((frame) => frame.type === type && fits(frame as never));
          if (found === undefined) return;
          clearTimeout(patience);
          waiting.delete(look);
          resolve(found as never);
        };
        waiting.add(look);
        look();
      });
    },
    idle: (from) => watcher.until("sessionStatus", (frame) => frame.data.status === "idle", from),
    ended,
  };
  return watcher;
}

/** The text that was streamed live, by block, put together by its offsets. */
export function liveText(frames: readonly SessionFrame[]): string[] {
  const blocks = new Map<string, string>();
  for (const frame of frames) {
    if (frame.type !== "streamData" || frame.data.kind !== "text") continue;
    const key = `${frame.data.messageId}/${frame.data.blockIndex}`;
    const have = blocks.get(key) ?? "";
    if (frame.data.offset !== have.length)
      throw new Error(`text at ${frame.data.offset}, but ${have.length} are there`);
    blocks.set(key, have + frame.data.text);
  }
  return [...blocks.values()];
}

/** A stored event as every device must see it: without what tells when it was delivered. */
export const essence = ({ queued: _queued, ...frame }: Stored & { queued?: unknown }): object => frame;
