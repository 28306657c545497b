import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { summaryOf } from "./findings.ts";
import { plants } from "./plants.ts";
import { allFaults, runFaults } from "./run.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const isLong = process.env.CI !== undefined;
const timeout = 900_000;

describe(`faults, the real Claude CLI, seed ${seed}`, () => {
  test("[FLT-1] however often the server is killed in mid-turn: nothing lost, nothing twice, nothing out of order", {
    timeout,
  }, async (t) => {
    const kills = isLong ? 50 : 12;
    const findings = await runFaults({ seed, kills, sessions: 3, devices: 4, weights: { killServer: 5, network: 1 } });
    t.diagnostic(summaryOf(findings));
    assert.deepEqual(findings.found, []);
    assert.ok(Number(findings.counts["kills in mid-turn"]) >= kills);
  });

  test("[FLT-2] whatever else happens, to the server, its agents, their host, the network and the disk: the same", {
    timeout,
  }, async (t) => {
    const until = performance.now() + (isLong ? 60_000 : 20_000);
    const findings = await runFaults({ seed: seed + 1, kills: 1, until, sessions: 3, devices: 4, weights: allFaults });
    t.diagnostic(summaryOf(findings));
    assert.deepEqual(findings.found, []);
  });

  test("[FLT-3] a bug of each kind, planted into the program, is found", { timeout }, async (t) => {
    const hooks = fileURLToPath(new URL("./plant.ts", import.meta.url));
    for (const [name, plant] of Object.entries(plants)) {
      const isFound = async (attempt: number) => {
        const findings = await runFaults({
          seed: seed + attempt,
          kills: plant.peaceMs === undefined ? 8 : 0,
          until: performance.now() + (plant.peaceMs ?? 0),
          sessions: 3,
          devices: 3,
          weights: plant.peaceMs === undefined ? { killServer: 1 } : {},
          answerMs: 5_000,
          environment: { NODE_OPTIONS: `--import=${hooks}`, PLANT: name },
          stopOn: plant.finding,
          settleMs: 10_000,
        });
        const found = findings.found.find(({ kind }) => kind === plant.finding);
        t.diagnostic(`${name}: ${found?.what ?? "not yet found"}`);
        return found !== undefined;
      };
      assert.ok((await isFound(0)) || (await isFound(1)) || (await isFound(2)), `${name} was not found`);
    }
  });
});
