/** The version of what host and server say to each other. Raised only when an older side would misunderstand. */
export const hostProtocol = 1;

/** A message about an agent, or a line of its output. */
export type Frame = { kind: "message"; message: HostMessage } | { kind: "line"; number: number; line: Buffer };

/** A JSON object with a `type`; whoever does not know the type answers `error`, and nothing else happens. */
export interface HostMessage {
  type: string;
  [field: string]: unknown;
}

const kinds = { message: 1, line: 2 };
const headBytes = 5;
const lineHeadBytes = headBytes + 6;
const frameBytesMax = 512 * 1024 * 1024;

/** A message as bytes. A frame is its length (4 bytes, of all that follows), its kind (1 byte), and what it carries. */
export function encodeMessage(message: HostMessage): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32BE(payload.length + 1, 0);
  head.writeUInt8(kinds.message, 4);
  return Buffer.concat([head, payload]);
}

/** Lines of an agent's output as bytes, one frame each; their numbers count the lines of that agent from 1. */
export function encodeLines(lines: readonly { number: number; line: Buffer }[]): Buffer {
  const bytes = Buffer.allocUnsafe(lines.reduce((sum, { line }) => sum + lineHeadBytes + line.length, 0));
  let at = 0;
  for (const { number, line } of lines) {
    bytes.writeUInt32BE(1 + 6 + line.length, at);
    bytes.writeUInt8(kinds.line, at + 4);
    bytes.writeUIntBE(number, at + headBytes, 6);
    at += lineHeadBytes + line.copy(bytes, at + lineHeadBytes);
  }
  return bytes;
}

/**
 * Cuts a stream of bytes into frames. Kinds that a newer side may have are skipped.
 * @returns takes the next bytes
 * @throws Error when the bytes are not ours
 */
export function createFrameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  /** A long frame comes in many pieces: they are joined once. */
  let pieces: Buffer[] = [];
  let missing = 0;

  function read(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const size = bytes.readUInt32BE(at);
      if (size < 1 || size > frameBytesMax) throw new Error(`a frame of ${size} bytes`);
      if (bytes.length - at - 4 < size) {
        missing = size + 4 - (bytes.length - at);
        break;
      }
      const payload = bytes.subarray(at + headBytes, at + 4 + size);
      const kind = bytes[at + 4];
      at += 4 + size;
      if (kind === kinds.message) onFrame({ kind: "message", message: JSON.parse(payload.toString()) });
      else if (kind === kinds.line)
        onFrame({ kind: "line", number: payload.readUIntBE(0, 6), line: payload.subarray(6) });
    }
    return bytes.subarray(at);
  }
  return (chunk) => {
    if (chunk.length < missing) {
      pieces.push(chunk);
      missing -= chunk.length;
      return;
    }
    missing = 0;
    const bytes = rest.length + pieces.length === 0 ? chunk : Buffer.concat([rest, ...pieces, chunk]);
    pieces = [];
    rest = read(bytes);
  };
}
