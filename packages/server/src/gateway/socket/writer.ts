import type { Duplex } from "node:stream";
import type { Batch } from "../../delivery/index.ts";
import type { Report } from "../../telemetry/index.ts";
import type { Load } from "../load.ts";
import { encodeBatch, encodeFrames } from "./encoder.ts";
import type { TurnEnd } from "./turn-end.ts";

const joinBytesMax = 16 * 1024;

/**
 * Everything that one turn of the event loop has for a connection leaves in one write: the cost is per write to a
 * socket, not per event or byte.
 */
export interface Writer {
  send(frame: string): void;
  /** @returns how many bytes it was */
  sendBatch(batch: Batch): number;
  /** Undefined: there is room; else resolves when the socket has taken what it had, or is gone. */
  room(): Promise<void> | undefined;
  /** Writes what waits, now. */
  flush(): void;
  /** All that was handed to it so far. */
  readonly sent: Readonly<{ frames: number; bytes: number; events: number }>;
  /** What we hold for this client. The kernel may hold megabytes more. */
  readonly bufferedBytes: number;
}

/** @param options.socket the upgraded connection; only whole messages are written to it, so the library's own may come between */
export function createWriter(options: {
  socket: Duplex;
  turnEnd: TurnEnd;
  load: Pick<Load, "bufferBytesMax">;
  traffic: Report["traffic"];
  onProgress: () => void;
}): Writer {
  const { socket, turnEnd, load, traffic } = options;
  const sent = { frames: 0, bytes: 0, events: 0 };
  const pending: Buffer[] = [];
  let pendingBytes = 0;
  let waiting: { promise: Promise<void>; resolve: () => void } | undefined;

  function flush(): void {
    if (pending.length === 0) return;
    // Small parts are joined. Large ones are others' as well: handed over as they are, they are there once for all.
    const isOne = pending.length === 1 || pendingBytes > joinBytesMax;
    const parts = isOne ? pending.splice(0) : [Buffer.concat(pending, pendingBytes)];
    pending.length = 0;
    pendingBytes = 0;
    if (socket.destroyed || socket.writableEnded) return;
    if (parts.length > 1) socket.cork();
    for (const part of parts) socket.write(part);
    if (parts.length > 1) socket.uncork();
    if (!socket.writableNeedDrain) release();
  }
  function count(frames: number, bytes: number, events: number): void {
    sent.frames += frames;
    sent.bytes += bytes;
    sent.events += events;
    traffic.framesSent += frames;
    traffic.bytesSent += bytes;
    traffic.eventsDelivered += events;
  }
  function add(bytes: Buffer): void {
    if (pending.length === 0) turnEnd.defer(flush);
    pending.push(bytes);
    pendingBytes += bytes.length;
  }
  function release(): void {
    options.onProgress();
    waiting?.resolve();
    waiting = undefined;
  }
  socket.on("drain", release);
  socket.once("close", release);

  const writer: Writer = {
    get bufferedBytes() {
      return pendingBytes + socket.writableLength;
    },
    sent,
    send(frame) {
      const bytes = encodeFrames([frame]);
      count(1, bytes.length, 0);
      add(bytes);
    },
    sendBatch(batch) {
      const bytes = encodeBatch(batch);
      const frames = batch.frames.length;
      count(frames, bytes.length, batch.lastSeq === undefined ? 0 : frames);
      add(bytes);
      return bytes.length;
    },
    room() {
      if (pendingBytes + socket.writableLength < load.bufferBytesMax || socket.destroyed) return undefined;
      waiting ??= Promise.withResolvers<void>();
      return waiting.promise;
    },
    flush,
  };
  return writer;
}
