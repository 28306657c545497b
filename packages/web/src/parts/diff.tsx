/** A line of a change. */
export interface DiffLine {
  sign: "+" | "-" | " ";
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
  if (tool !== "Edit") return undefined;
  const before = lines(input.old_string, "-");
  const after = lines(input.new_string, "+");
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

const looks = { "+": "bg-done/12", "-": "bg-danger/12", " ": "" } as const;

/** A change, one column. */
export function Diff({ lines: shown }: { lines: readonly DiffLine[] }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className="max-h-72 overflow-auto rounded-lg bg-sunken py-1"
    >
      {shown.map(({ sign, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
        <div key={i} className={`min-w-max px-2 ${looks[sign]}`}>
          {sign} {text}
        </div>
      ))}
    </pre>
  );
}
