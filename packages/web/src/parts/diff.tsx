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

/** The files of a unified diff, each with its lines. */
export function filesOfDiff(diff: string): { path: string; lines: DiffLine[] }[] {
  const files: { path: string; lines: DiffLine[] }[] = [];
  for (const line of diff.split("\n")) {
    const begin = /^(?:diff --git a\/.* b\/(.*)|--- (?:a\/)?(\S.*?)(?:\t.*)?)$/.exec(line);
    const current = files.at(-1);
    if (line.startsWith("diff --git") && begin) files.push({ path: begin[1] ?? "", lines: [] });
    else if (line.startsWith("--- ") && (current === undefined || current.lines.length > 0))
      files.push({ path: begin?.[2] ?? "", lines: [] });
    else if (
      current === undefined ||
      /^(---|\+\+\+|index |old mode|new mode|similarity|new file|deleted file|rename )/.test(line)
    )
      continue;
    else if (line.startsWith("@@")) current.lines.push({ sign: "@", text: /^@@ (.*?) @@/.exec(line)?.[1] ?? "" });
    else if (line.startsWith("Binary")) current.lines.push({ sign: "@", text: line });
    else if (/^[+\- ]/.test(line)) current.lines.push(lineOf(line));
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

const looks = { "+": "bg-done/12", "-": "bg-danger/12", " ": "", "@": "text-soft" } as const;

/** A change, one column. */
export function Diff({ lines: shown, isTall = false }: { lines: readonly DiffLine[]; isTall?: boolean }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className={`overflow-auto rounded-lg bg-sunken py-1 ${isTall ? "" : "max-h-72"}`}
    >
      <div className="w-fit min-w-full">
        {shown.map(({ sign, text }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
          <div key={i} className={`px-2 ${looks[sign]}`}>
            {sign === "@" ? "⋯" : sign} {text}
          </div>
        ))}
      </div>
    </pre>
  );
}

/** +12 −3, and in words for those who hear it. */
export function Counts({ added, removed }: { added: number; removed: number }) {
  return (
    <span className="shrink-0 text-xs">
      {added > 0 && <span className="text-done">+{added}</span>}{" "}
      {removed > 0 && <span className="text-danger">−{removed}</span>}
    </span>
  );
}
