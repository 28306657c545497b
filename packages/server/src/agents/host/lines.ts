/**
 * Cuts output into whole lines, each with its newline. An agent's output is input from outside: a line without end must
 * not fill the memory. Half a line at the end is none.
 * @param options.onLine a whole line
 * @param options.onCut the beginning of a line that was longer than the limit, or of half a line at the end
 */
export function createLineCutter(options: {
  lineBytesMax: number;
  onLine: (line: Buffer) => void;
  onCut: (start: Buffer) => void;
}): { write(chunk: Buffer): void; end(): void } {
  let parts: Buffer[] = [];
  let size = 0;
  let skipping = false;
  return {
    write(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        const last = chunk.subarray(start, end + 1);
        const line = parts.length === 0 ? last : Buffer.concat([...parts, last]);
        parts = [];
        size = 0;
        start = end + 1;
        if (skipping) skipping = false;
        else options.onLine(line);
      }
      const rest = chunk.subarray(start);
      if (rest.length === 0 || skipping) return;
      parts.push(rest);
      size += rest.length;
      if (size <= options.lineBytesMax) return;
      options.onCut(Buffer.concat(parts).subarray(0, 200));
      parts = [];
      size = 0;
      skipping = true;
    },
    end() {
      if (parts.length > 0) options.onCut(Buffer.concat(parts).subarray(0, 200));
      parts = [];
    },
  };
}
