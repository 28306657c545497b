// Holds SPEC.md and the tests against each other: a rule without a test, or a test of no rule, is an error.
import { globSync, readFileSync } from "node:fs";

/** What does not fit; empty when all is well. */
export function findMismatches(spec: string, tests: Readonly<Record<string, string>>): string[] {
  const problems: string[] = [];
  const ruleIds = [...spec.matchAll(/^- \*\*\[([A-Z0-9]+-\d+)\]\*\*/gm)].map((match) => match[1] ?? "");
  const rules = new Set(ruleIds);
  if (rules.size === 0) problems.push("SPEC.md has no rules: is its form `- **[ABC-1]** text`?");
  if (rules.size < ruleIds.length)
    problems.push(`SPEC.md uses an id twice: ${ruleIds.filter((id, i) => ruleIds.indexOf(id) < i).join(", ")}`);
  const tested = new Map<string, string>();
  for (const [path, text] of Object.entries(tests)) {
    for (const [, title = ""] of text.matchAll(/\btest\(\s*["'`](.*?)["'`]\s*,/g)) {
      const ids = [...title.matchAll(/\[([A-Z0-9]+-\d+)\]/g)].map((match) => match[1] ?? "");
      if (ids.length === 0) problems.push(`${path}: the test "${title}" names no rule.`);
      for (const id of ids) tested.set(id, path);
    }
  }
  for (const id of rules) if (!tested.has(id)) problems.push(`[${id}] stands in SPEC.md and has no test.`);
  for (const [id, path] of tested)
    if (!rules.has(id)) problems.push(`[${id}] is named by ${path} and does not stand in SPEC.md.`);
  return problems;
}

/** The project's own. */
export function checkSpec(): { problems: string[]; looked: number } {
  const paths = globSync(["packages/*/src/**/*.{test,contract}.ts", "e2e/**/*.test.ts", "scripts/**/*.test.ts"], {
    exclude: ["**/node_modules/**"],
  });
  const tests = Object.fromEntries(paths.map((path) => [path, readFileSync(path, "utf8")]));
  return { problems: findMismatches(readFileSync("SPEC.md", "utf8"), tests), looked: paths.length };
}
