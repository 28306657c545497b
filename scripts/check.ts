// Types, lint and format, import rules, dead code, the specification. A check that looked at nothing has failed.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { checkSpec } from "./spec.ts";

const exclude = ["**/node_modules/**"];
const isWeb = (path: string) => path.startsWith("packages/web/");
const all = globSync(["packages/*/src/**/*.{ts,tsx}", "e2e/**/*.ts", "bench/**/*.ts"], { exclude });
const sources = all.length;
const webSources = all.filter(isWeb).length;
const otherSources = sources - webSources;
let passed = 0;
let failed = 0;

function report(name: string, ok: boolean, detail: string): void {
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? "✔" : "✖"} ${name}${detail ? `: ${detail}` : ""}`);
}

/**
 * @param looked finds in the output how many files were looked at
 * @param atLeast so many there are
 */
function run(
  name: string,
  command: string,
  args: string[],
  looked?: (output: string) => number | undefined,
  atLeast = sources,
): void {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, {
    encoding: "utf8",
    maxBuffer: 1e9,
  });
  if (status !== 0) {
    console.log(stdout + stderr);
    return report(name, false, `${command} ended with ${status}`);
  }
  const count = looked?.(stdout + stderr);
  report(name, looked === undefined || (count ?? 0) >= atLeast, looked ? `${count} of at least ${atLeast} files` : "");
}
const numberIn = (pattern: RegExp) => (output: string) => Number(pattern.exec(output)?.[1]);

const listed = (output: string) =>
  output.split("\n").filter((line) => /\.tsx?$/.test(line) && !line.includes("node_modules")).length;
run("types", "tsc", ["-p", "tsconfig.check.json", "--listFiles"], listed, otherSources);
run("types of the web app", "tsc", ["-p", "packages/web", "--listFiles"], listed, webSources);
run("build", "tsc", ["--build"]);
run("lint and format", "biome", ["check", "--error-on-warnings", "."], numberIn(/Checked (\d+) files/));
run(
  "import rules",
  "depcruise",
  ["--config", ".dependency-cruiser.mjs", "packages", "e2e", "bench"],
  numberIn(/\((\d+) modules/),
);
run("dead code", "knip", ["--no-progress"]);
const { problems, looked } = checkSpec();
report("specification", problems.length === 0 && looked > 0, problems.join("\n  ") || `${looked} files of tests`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
