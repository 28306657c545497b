import type { Row } from "../main.ts";
import { median, ratio, rounds, type ServerName, setUp } from "./measure.ts";

const connections = 9_000;
const sleepers = 10_000;
const names = ["ours", "ws (one write a turn, no log)", "socket.io (recovery)"] as const;

/** KB of the process that an idle connection costs. */
async function perConnection(name: ServerName): Promise<number> {
  const setup = await setUp(name, { sessions: 1, clients: 10 });
  const before = await setup.server.ask<{ rss: number }>({ do: "memory" });
  await setup.clients.ask({ do: "connect", ...setup.address, count: connections });
  const after = await setup.server.ask<{ rss: number }>({ do: "memory" });
  await setup.end();
  return (after.rss - before.rss) / connections / 1_024;
}
async function perSleeper(): Promise<number> {
  const setup = await setUp("ours", { sessions: 1, clients: 1 });
  const before = await setup.server.ask<{ held: number }>({ do: "memory" });
  await setup.server.ask({ do: "sleepers", count: sleepers });
  const after = await setup.server.ask<{ held: number }>({ do: "memory" });
  await setup.end();
  return (after.held - before.held) / sleepers / 1_024;
}

export const idle: Row = {
  name: "idle",
  async run(print) {
    const figures = new Map<ServerName, number[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const name of names) figures.get(name)?.push(await perConnection(name));
    const [ours = 0, ws = 0, io = 0] = names.map((name) => median(figures.get(name) ?? []));
    print("| work | ours | ws | socket.io, recovery | ours ÷ socket.io | target |");
    print("| --- | --- | --- | --- | --- | --- |");
    print(
      `| ${connections.toLocaleString("en")} idle connections: KB of the process for each | ${ours.toFixed(1)} | ${ws.toFixed(1)} | ${io.toFixed(1)} | ${ratio(ours, io)} | ≤ 0.5, 7 KB |`,
    );
    print(`| 10,000 sleeping sessions: KB of the heap for each | ${(await perSleeper()).toFixed(1)} | | | | ≤ 5 KB |`);
  },
};
