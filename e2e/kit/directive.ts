/** What the scripted model does, step by step; a step is one answer of the model. */
export interface Step {
  say?: string;
  think?: string;
  tools?: { name: string; input: Record<string, unknown> }[];
  /** Answer with this HTTP status instead. */
  error?: number;
}

/** A script that travels inside the prompt, so that one model serves every test. */
export interface Directive {
  steps: Step[];
  /** Milliseconds between pieces of four characters. */
  paceMs?: number;
}

const marks = { begin: "<<<", end: ">>>" };

/** The prompt that makes the scripted model do this. */
export function prompt(...steps: Step[]): string {
  return slowly(0, ...steps);
}

/** The same, but written slowly: `paceMs` between pieces of four characters. */
export function slowly(paceMs: number, ...steps: Step[]): string {
  const directive: Directive = { steps, ...(paceMs > 0 ? { paceMs } : {}) };
  // Marks inside (a prompt for a sub-agent) are hidden from whoever looks for ours.
  const text = JSON.stringify(directive).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
  return `${marks.begin}${text}${marks.end}`;
}

/** The last script in a text. */
export function directiveIn(text: string): Directive | undefined {
  const begin = text.lastIndexOf(marks.begin);
  const end = text.indexOf(marks.end, begin);
  if (begin === -1 || end === -1) return undefined;
  return JSON.parse(text.slice(begin + marks.begin.length, end));
}
