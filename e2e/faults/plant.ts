// Loaded before a server with `--import`: plants the bug that PLANT names into the program as it is loaded, to see
// whether the faults find it.
import { registerHooks } from "node:module";
import { plants } from "./plants.ts";

const plant = plants[process.env.PLANT ?? ""];
if (plant === undefined) throw new Error(`PLANT names one of ${Object.keys(plants).join(", ")}`);

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
