import type { Batch } from "../../delivery/index.ts";

/**
 * The WebSocket messages of a batch, one after the other, ready for any socket: a server's messages are not masked
 * (RFC 6455, 5.1), so their bytes are the same for every client, and are made once.
 */
export function encodeBatch(batch: Batch): Buffer {
  batch.bytes ??= encodeFrames(batch.frames);
  return batch.bytes;
}

/** Whole, unmasked text messages (RFC 6455, 5.2): FIN, opcode 1, length in 7, 16 or 64 bits. */
export function encodeFrames(frames: readonly string[]): Buffer {
  const lengths = frames.map((frame) => Buffer.byteLength(frame));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length + headerBytes(length), 0));
  let at = 0;
  frames.forEach((frame, i) => {
    const length = lengths[i] ?? 0;
    bytes[at] = 0x81;
    if (length < 126) bytes[at + 1] = length;
    else if (length < 65_536) {
      bytes[at + 1] = 126;
      bytes.writeUInt16BE(length, at + 2);
    } else {
      bytes[at + 1] = 127;
      bytes.writeBigUInt64BE(BigInt(length), at + 2);
    }
    at += headerBytes(length);
    at += bytes.write(frame, at);
  });
  return bytes;
}

const headerBytes = (length: number): number => (length < 126 ? 2 : length < 65_536 ? 4 : 10);
