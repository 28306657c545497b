import type { DiffLine } from "../diff-lines.ts";

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
