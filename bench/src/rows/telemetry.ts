import type { Row } from "../main.ts";
import { bursts, singles } from "./fan-out.ts";
import { median, ratio, rounds, thousands } from "./measure.ts";

/** What telemetry costs where it could cost most: the same fan-out with it, and with instruments that measure nothing. */
export const telemetry: Row = {
  name: "telemetry",
  async run(print) {
    print("| work, thousand deliveries per CPU-second | telemetry on | off | on ÷ off | target |");
    print("| --- | --- | --- | --- | --- |");
    const works: [string, (args: string[]) => Promise<number>][] = [
      ["bursts of 16, 1 session, 100 clients", (args) => bursts("ours", 100, args)],
      ["bursts of 16, 1 session, 1,000 clients", (args) => bursts("ours", 1_000, args)],
      ["one at a time, 300 sessions × 3", async (args) => (await singles("ours", 300, 3, args)).perCpuSecond],
    ];
    for (const [name, work] of works) {
      const on: number[] = [];
      const off: number[] = [];
      for (let round = 0; round < rounds; round++) {
        on.push(await work([]));
        off.push(await work(["unmeasured"]));
      }
      const [measured, unmeasured] = [median(on), median(off)];
      print(
        `| ${name} | ${thousands(measured)} | ${thousands(unmeasured)} | ${ratio(measured, unmeasured)} | ≥ 0.95 |`,
      );
    }
  },
};
