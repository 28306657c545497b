// Runs the tests: all, or those whose path holds one of the arguments. With CI set, or --strict, nothing may be skipped.
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const args = process.argv.slice(2);
const isStrict = args.includes("--strict") || process.env.CI !== undefined;
const wanted = args.filter((arg) => !arg.startsWith("--"));
const patterns = ["packages/*/src/**/*.test.ts", "e2e/**/*.test.ts", "scripts/**/*.test.ts"];
const all = globSync(patterns, { exclude: ["**/node_modules/**"] }).sort((a, b) => (a < b ? -1 : 1));
const files = wanted.length === 0 ? all : all.filter((file) => wanted.some((part) => file.includes(part)));

const counts = { passed: 0, failed: 0, skipped: 0 };
const stream = run({
  files,
  concurrency: Math.max(1, availableParallelism() - 1),
  execArgv: ["--conditions=source", "--test-timeout=120000"],
});
stream.on("test:summary", ({ file, counts: found }) => {
  if (file !== undefined) return;
  counts.passed = found.passed;
  counts.failed = found.tests - found.passed - found.skipped;
  counts.skipped = found.skipped;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on("end", () => {
  process.exitCode = counts.failed > 0 || counts.passed === 0 || (isStrict && counts.skipped > 0) ? 1 : 0;
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  // After all that the reporter has to say.
  setImmediate(() =>
    process.stdout.write(`\n${files.length} files: ${counts.passed} passed, ${counts.failed} failed${skipped}\n`),
  );
});
