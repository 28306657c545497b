// `npm run faults -- --minutes 30 --seed 7`: everything at random for as long as you like. Prints what was counted.
import { parseArgs } from "node:util";
import { summaryOf } from "./findings.ts";
import { allFaults, type Fault, runFaults, type Weights } from "./run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    kills: { type: "string", default: "0" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    sessions: { type: "string", default: "3" },
    devices: { type: "string", default: "4" },
    /** Only these: `--only killServer,network`. */
    only: { type: "string" },
  },
});
const weights: Weights =
  values.only === undefined
    ? allFaults
    : Object.fromEntries(values.only.split(",").map((fault) => [fault, allFaults[fault as Fault] ?? 1]));
const minutes = Number(values.minutes);
console.log(`seed ${values.seed}, ${minutes} minutes`);
let toldAt = performance.now();
const findings = await runFaults({
  seed: Number(values.seed),
  kills: Number(values.kills),
  until: performance.now() + minutes * 60_000,
  sessions: Number(values.sessions),
  devices: Number(values.devices),
  weights,
  onProgress(so) {
    if (performance.now() - toldAt < 30_000) return;
    toldAt = performance.now();
    console.log(`  ${Math.round((toldAt / 60_000) * 10) / 10} min: ${JSON.stringify(so.counts)}`);
  },
});
console.log(summaryOf(findings));
process.exitCode = findings.found.length > 0 ? 1 : 0;
