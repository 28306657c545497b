// Loaded before a server with `--import`: changes the program as it is loaded by what PLANT names: a bug, to see
// whether the faults find it, or another version.
import { registerHooks } from "node:module";
import { type Change, nextVersion, plants } from "./plants.ts";

const all: Readonly<Record<string, Change>> = { ...plants, nextVersion };
const plant = all[process.env.PLANT ?? ""];
if (plant === undefined) throw new Error(`PLANT names one of ${Object.keys(all).join(", ")}`);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(plant.file)) return loaded;
    let source = String(loaded.source);
    for (const [before, after] of plant.changes) {
      if (!source.includes(before)) throw new Error(`${plant.file} no longer holds ${before}`);
      source = source.replace(before, after);
    }
    return { ...loaded, source };
  },
});
