import type { Row } from "../main.ts";
import { cpuSeconds, setUp } from "./measure.ts";

const sessions = 1_000;
const perSecond = 50;
const devices = 2;
const seconds = Number(process.env.STREAM_SECONDS ?? 60);

/** A thousand agents write at once, each to two devices; every hundred pieces a message is stored. */
export const manyStreams: Row = {
  name: "many-streams",
  async run(print) {
    const setup = await setUp("ours", { sessions, clients: sessions * devices });
    // Texts, not stored events, are what is counted here.
    await setup.clients.ask({ do: "prefix", prefix: '{"type":"streamData"' });
    await setup.server.ask({ do: "stream", sessions, perSecond, seconds: 5 });
    const before = await setup.server.ask<{ rss: number; held: number }>({ do: "memory" });
    await setup.clients.ask({ do: "begin" });
    const cpu = await cpuSeconds(setup.server);
    const said = await setup.server.ask<{ said: number; seconds: number }>({
      do: "stream",
      sessions,
      perSecond,
      seconds,
    });
    const used = (await cpuSeconds(setup.server)) - cpu;
    const report = await setup.clients.ask<{ pieces: number; total: number; p50: number; p99: number }>({
      do: "report",
    });
    const { pieces, total, p50, p99 } = report;
    const after = await setup.server.ask<{ rss: number; held: number }>({ do: "memory" });
    await setup.end();
    const rate = (count: number) => Math.round(count / said.seconds).toLocaleString("en");
    print("| work | ours | target |");
    print("| --- | --- | --- |");
    print(
      `| 1,000 sessions × 50 pieces of text a second × 2 devices, one core, ${seconds} s: pieces delivered a second | ${rate(pieces)} in ${rate(total)} frames | 100,000 |`,
    );
    print(
      `| from the agent to the device, ms (pieces are rolled up over 40 ms): p50, p99 | ${p50.toFixed(0)}, ${p99.toFixed(0)} | p99 ≤ 50 + 40 |`,
    );
    print(`| share of the core | ${Math.round((100 * used) / said.seconds)} % | ≤ 100 % |`);
    print(
      `| MB that the server holds more at the end | ${((after.held - before.held) / 1e6).toFixed(1)} | no growth |`,
    );
  },
};
