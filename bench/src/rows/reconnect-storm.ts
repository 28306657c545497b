import type { Row } from "../main.ts";
import { median, ratio, rounds, type ServerName, setUp } from "./measure.ts";

const clients = 5_000;
const missed = 200;
const names = ["ours", "socket.io (recovery)"] as const;

interface Storm {
  ms: number;
  /** Clients that did not get exactly what they missed. */
  unequal: number;
  grewMb: number;
}

/** All clients drop, events pass, and all come back at once. */
async function storm(name: ServerName): Promise<Storm> {
  const setup = await setUp(name, { sessions: 1, clients });
  await setup.clients.ask({ do: "begin" });
  await setup.server.ask({ do: "burst", size: 1, sessions: 1, bytes: 200 });
  await setup.clients.ask({ do: "expect", count: clients });
  await setup.clients.ask({ do: "drop" });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (let i = 0; i < missed / 20; i++) {
    await setup.server.ask({ do: "burst", size: 20, sessions: 1, bytes: 200 });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = await setup.server.ask<{ rss: number }>({ do: "memory" });
  await setup.clients.ask({ do: "begin" });
  const { ms } = await setup.clients.ask<{ ms: number }>({ do: "storm", ...setup.address, count: clients, missed });
  const { received } = await setup.clients.ask<{ received: number[] }>({ do: "report" });
  const after = await setup.server.ask<{ rss: number }>({ do: "memory" });
  await setup.end();
  return {
    ms,
    unequal: received.filter((count) => count !== missed).length,
    grewMb: (after.rss - before.rss) / 1e6,
  };
}

export const reconnectStorm: Row = {
  name: "reconnect-storm",
  async run(print) {
    const figures = new Map<ServerName, Storm[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) for (const name of names) figures.get(name)?.push(await storm(name));
    const of = (name: ServerName, what: keyof Storm) => median((figures.get(name) ?? []).map((figure) => figure[what]));
    const [ours, io] = names;
    print("| work | ours | socket.io, recovery | ratio | target |");
    print("| --- | --- | --- | --- | --- |");
    print(
      `| 5,000 clients come back at once, each 200 events behind: s until all have caught up | ${(of(ours, "ms") / 1_000).toFixed(1)} | ${(of(io, "ms") / 1_000).toFixed(1)} | ${ratio(of(ours, "ms"), of(io, "ms"))} | ≤ 3 s |`,
    );
    print(
      `| clients that did not get exactly what they missed | ${of(ours, "unequal")} | ${of(io, "unequal")} | | 0 |`,
    );
    print(
      `| MB that the server grew by | ${of(ours, "grewMb").toFixed(0)} | ${of(io, "grewMb").toFixed(0)} | | ≤ 64 |`,
    );
  },
};
