import type { Row } from "../main.ts";
import { median, rounds, type ServerName, servers, setUp } from "./measure.ts";

const names = Object.keys(servers) as ServerName[];
const eventBytes = 10_000;

/** One client stops reading; 500 MB pass in all. How much memory does the server hold for it at the end? */
async function stalled(name: ServerName, clients: number): Promise<{ grewMb: number; othersGotAll: boolean }> {
  const setup = await setUp(name, { sessions: 1, clients });
  const events = Math.ceil(500e6 / eventBytes / clients);
  const size = 10;
  const pass = async (count: number, receivers: number) => {
    await setup.clients.ask({ do: "begin" });
    for (let sent = size; sent <= count; sent += size) {
      await setup.server.ask({ do: "burst", size, sessions: 1, bytes: eventBytes });
      await setup.clients.ask({ do: "expect", count: sent * receivers });
    }
  };
  await pass(100, clients);
  const before = await setup.server.ask<{ rss: number; held: number }>({ do: "memory" });
  await setup.clients.ask({ do: "stall", client: 0 });
  await pass(events, clients - 1);
  const after = await setup.server.ask<{ rss: number; held: number }>({ do: "memory" });
  const { received } = await setup.clients.ask<{ received: number[] }>({ do: "report" });
  await setup.end();
  const whole = Math.floor(events / size) * size;
  return { grewMb: (after.held - before.held) / 1e6, othersGotAll: received.slice(1).every((count) => count >= whole) };
}

export const slowClient: Row = {
  name: "slow-client",
  async run(print) {
    print("| work | ours | ws | socket.io, recovery | target |");
    print("| --- | --- | --- | --- | --- |");
    for (const clients of [100, 10]) {
      const figures = new Map<ServerName, number[]>(names.map((name) => [name, []]));
      let fine = true;
      for (let round = 0; round < rounds; round++) {
        for (const name of names) {
          const { grewMb, othersGotAll } = await stalled(name, clients);
          figures.get(name)?.push(grewMb);
          if (name === "ours") fine &&= othersGotAll;
        }
      }
      const shown = names.map((name) => median(figures.get(name) ?? []).toFixed(1)).join(" | ");
      print(
        `| 1 of ${clients} stalled, 500 MB pass (${500 / clients} MB for it): MB that the server holds more${fine ? "; the others got all" : "; OTHERS MISSED SOME"} | ${shown} | ≤ 8 |`,
      );
    }
  },
};
