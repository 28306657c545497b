/** A line of a change. */
export interface DiffLine {
  sign: "+" | "-" | " " | "@";
  text: string;
}

const lines = (value: unknown, sign: DiffLine["sign"]): DiffLine[] =>
  typeof value === "string" && value !== ""
    ? value
        .replace(/\n$/, "")
        .split("\n")
        .map((text) => ({ sign, text }))
    : [];

/** What an edit changes, or undefined for a tool that edits nothing. Lines that stay are told once. */
export function linesOfEdit(tool: string, input: Record<string, unknown>): DiffLine[] | undefined {
  if (tool === "Write") return lines(input.content, "+");
  if (tool === "MultiEdit" && Array.isArray(input.edits))
    return input.edits.flatMap((edit: Record<string, unknown>, i) => [
      ...(i > 0 ? [{ sign: "@" as const, text: "" }] : []),
      ...between(edit.old_string, edit.new_string),
    ]);
  return tool === "Edit" ? between(input.old_string, input.new_string) : undefined;
}

function between(old: unknown, next: unknown): DiffLine[] {
  const before = lines(old, "-");
  const after = lines(next, "+");
  let same = 0;
  while (same < before.length && same < after.length && before[same]?.text === after[same]?.text) same += 1;
  let tail = 0;
  while (
    tail < before.length - same &&
    tail < after.length - same &&
    before.at(-1 - tail)?.text === after.at(-1 - tail)?.text
  )
    tail += 1;
  const kept = (from: number, to: number) => before.slice(from, to).map(({ text }): DiffLine => ({ sign: " ", text }));
  return [
    ...kept(0, same),
    ...before.slice(same, before.length - tail),
    ...after.slice(same, after.length - tail),
    ...kept(before.length - tail, before.length),
  ];
}

/** What an edit has changed, as the agent tells it with the lines around; undefined when it does not. */
export function linesOfPatch(detail: unknown): DiffLine[] | undefined {
  const { structuredPatch } = Object(detail) as { structuredPatch?: { oldStart?: number; lines?: string[] }[] };
  if (!Array.isArray(structuredPatch) || structuredPatch.length === 0) return undefined;
  return structuredPatch.flatMap((hunk, i): DiffLine[] => [
    ...(i > 0 ? [{ sign: "@" as const, text: `line ${hunk.oldStart ?? ""}` }] : []),
    ...(hunk.lines ?? []).map(lineOf),
  ]);
}

/** The files of a unified diff, each with its lines. How long a hunk is, its head says: lines may look like anything. */
export function filesOfDiff(diff: string): { path: string; lines: DiffLine[] }[] {
  const files: { path: string; lines: DiffLine[] }[] = [];
  let before = 0;
  let after = 0;
  for (const line of diff.split("\n")) {
    const current = files.at(-1);
    if (current && (before > 0 || after > 0)) {
      if (line.startsWith("\\")) continue;
      const { sign, text } = lineOf(line);
      if (sign !== "+") before -= 1;
      if (sign !== "-") after -= 1;
      current.lines.push({ sign, text });
      continue;
    }
    const ofGit = /^diff --git a\/.* b\/(.*)$/.exec(line)?.[1];
    const ofOther = /^--- (\S.*?)(?:\t.*)?$/.exec(line)?.[1];
    const hunk = /^@@ (-\d+(?:,(\d+))? \+\d+(?:,(\d+))?) @@/.exec(line);
    if (ofGit !== undefined) files.push({ path: ofGit, lines: [] });
    // What git says of a file has a head of its own before this one.
    else if (ofOther !== undefined && (current === undefined || current.lines.length > 0))
      files.push({ path: ofOther, lines: [] });
    else if (hunk && current) {
      before = Number(hunk[2] ?? 1);
      after = Number(hunk[3] ?? 1);
      current.lines.push({ sign: "@", text: hunk[1] ?? "" });
    } else if (line.startsWith("Binary") && current) current.lines.push({ sign: "@", text: line });
  }
  return files;
}

function lineOf(line: string): DiffLine {
  const sign = line[0];
  return sign === "+" || sign === "-" ? { sign, text: line.slice(1) } : { sign: " ", text: line.slice(1) };
}

/** How many lines came and went. */
export function countOf(shown: readonly DiffLine[]): { added: number; removed: number } {
  return {
    added: shown.filter(({ sign }) => sign === "+").length,
    removed: shown.filter(({ sign }) => sign === "-").length,
  };
}
