import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";

/** What an agent said and nobody has stored yet: in order, in memory up to a limit, then on disk. */
export interface Backlog {
  /** Adds a line. @returns its number */
  add(line: Buffer): number;
  /** The newest line's number; 0 when there was none. */
  readonly last: number;
  /** The next retained line after a number. */
  after(number: number): { number: number; line: Buffer } | undefined;
  /** Everything up to here is safely stored, except `keep`. */
  stored(upTo: number, keep: readonly number[]): void;
  /** These are done with. */
  settle(numbers: readonly number[]): void;
  readonly bytes: number;
  /** False: no more is taken for now; whoever fills it must wait. */
  readonly hasRoom: boolean;
  close(): void;
}

type Entry = { number: number; size: number; line: Buffer | undefined; offset: number };

/**
 * @param options.path the file to spill to; made when it is needed, only for the user
 * @param options.memoryBytesMax more than this goes to disk
 * @param options.diskBytesMax more than this is not taken; a disk that refuses counts as full
 */
export function createBacklog(options: { path: string; memoryBytesMax: number; diskBytesMax: number }): Backlog {
  let entries: Entry[] = [];
  let last = 0;
  let memoryBytes = 0;
  let diskBytes = 0;
  /** End of the file. Grows until all that is in it is done with. */
  let fileEnd = 0;
  let file: number | undefined;
  let diskRefuses = false;

  function spill(): void {
    if (diskRefuses) return;
    const inMemory = entries.filter((entry) => entry.line !== undefined);
    try {
      file ??= openSync(options.path, "w+", 0o600);
      const bytes = Buffer.concat(inMemory.map((entry) => entry.line ?? Buffer.alloc(0)));
      for (let written = 0; written < bytes.length; )
        written += writeSync(file, bytes, written, bytes.length - written, fileEnd + written);
    } catch {
      // It stays in memory, and the agent waits until some of it has been stored.
      diskRefuses = true;
      return;
    }
    for (const entry of inMemory) {
      entry.line = undefined;
      entry.offset = fileEnd;
      fileEnd += entry.size;
      diskBytes += entry.size;
    }
    memoryBytes = 0;
  }
  function lineOf(entry: Entry): Buffer {
    if (entry.line !== undefined) return entry.line;
    const line = Buffer.allocUnsafe(entry.size);
    for (let read = 0; read < entry.size; ) {
      const count = readSync(file ?? -1, line, read, entry.size - read, entry.offset + read);
      if (count === 0) throw new Error(`${options.path} was cut off`);
      read += count;
    }
    return line;
  }
  function drop(goes: (entry: Entry) => boolean): void {
    entries = entries.filter((entry) => {
      if (!goes(entry)) return true;
      if (entry.line === undefined) diskBytes -= entry.size;
      else memoryBytes -= entry.size;
      return false;
    });
    if (diskBytes > 0 || file === undefined) return;
    ftruncateSync(file, 0);
    fileEnd = 0;
  }
  /** Entries are in order of their numbers: the first beyond `number`. */
  function indexAfter(number: number): number {
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle]?.number ?? 0) > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    get last() {
      return last;
    },
    get bytes() {
      return memoryBytes + diskBytes;
    },
    get hasRoom() {
      return diskRefuses ? memoryBytes < options.memoryBytesMax : diskBytes < options.diskBytesMax;
    },
    add(line) {
      last += 1;
      // A copy: the piece that it was cut from may be much larger.
      entries.push({ number: last, size: line.length, line: Buffer.from(line), offset: 0 });
      memoryBytes += line.length;
      if (memoryBytes > options.memoryBytesMax) spill();
      return last;
    },
    after(number) {
      const entry = entries[indexAfter(number)];
      return entry && { number: entry.number, line: lineOf(entry) };
    },
    stored(upTo, keep) {
      drop((entry) => entry.number <= upTo && !keep.includes(entry.number));
      diskRefuses = false;
    },
    settle: (numbers) => drop((entry) => numbers.includes(entry.number)),
    close() {
      if (file === undefined) return;
      closeSync(file);
      unlinkSync(options.path);
      file = undefined;
    },
  };
}
