/** What a run looks for. */
export type FindingKind = "lost" | "twice" | "outOfOrder" | "wrong" | "unanswered" | "stuck";

/** What was found and counted; a run without findings has kept the promise. */
export interface Findings {
  readonly found: { kind: FindingKind; what: string }[];
  readonly counts: Record<string, number>;
  /** The same thing is told once. */
  add(kind: FindingKind, what: string): void;
  count(name: string, by?: number): void;
}

export function createFindings(): Findings {
  const found: Findings["found"] = [];
  const counts: Record<string, number> = {};
  return {
    found,
    counts,
    add(kind, what) {
      if (!found.some((other) => other.kind === kind && other.what === what)) found.push({ kind, what });
    },
    count(name, by = 1) {
      counts[name] = (counts[name] ?? 0) + by;
    },
  };
}

const shownMax = 100;

/** The result as lines to read. */
export function summaryOf({ found, counts }: Findings): string {
  const kinds: [string, FindingKind][] = [
    ["lost", "lost"],
    ["twice", "twice"],
    ["out of order", "outOfOrder"],
    ["wrong", "wrong"],
    ["unanswered", "unanswered"],
    ["stuck", "stuck"],
  ];
  const counted = Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`);
  const verdict = kinds.map(([label, kind]) => `${label} ${found.filter((finding) => finding.kind === kind).length}`);
  const details = found.slice(0, shownMax).map(({ kind, what }) => `  ${kind}: ${what}`);
  return [counted.join(", "), verdict.join(", "), ...details].join("\n");
}
