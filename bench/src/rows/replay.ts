import type { Row } from "../main.ts";
import { median, ratio, rounds, type ServerName, setUp, thousands } from "./measure.ts";

const missed = 10_000;

/** A client that was away while 10,000 events came: from its return to its last event. Others follow meanwhile. */
async function replay(name: ServerName): Promise<{ ms: number }> {
  const setup = await setUp(name, { sessions: 1, clients: 1 });
  await setup.clients.ask({ do: "begin" });
  // One event, so that a place to come back to is known.
  await setup.server.ask({ do: "burst", size: 1, sessions: 1, bytes: 200 });
  await setup.clients.ask({ do: "expect", count: 1 });
  const place = await setup.clients.ask<{ hello: string[] }>({
    do: "place",
    kind: name.startsWith("socket.io") ? "socket.io" : "seq",
  });
  await setup.clients.ask({ do: "drop" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let i = 0; i < missed / 500; i++) {
    await setup.server.ask({ do: "burst", size: 500, sessions: 1, bytes: 200 });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  await setup.clients.ask({ do: "begin" });
  const { ms } = await setup.clients.ask<{ ms: number }>({
    do: "return",
    ...setup.address,
    hello: place.hello,
    count: missed,
  });
  await setup.end();
  return { ms };
}

export const replayRow: Row = {
  name: "replay",
  async run(print) {
    const names = ["ours", "socket.io (recovery)"] as const;
    const figures = new Map<ServerName, number[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const name of names) figures.get(name)?.push((await replay(name)).ms);
    const [ours = 0, io = 0] = names.map((name) => median(figures.get(name) ?? []));
    print("| work | ours | socket.io, recovery | ratio | target |");
    print("| --- | --- | --- | --- | --- |");
    print(
      `| a client 10,000 events behind: ms from connecting to the last | ${ours.toFixed(0)} | ${io.toFixed(0)} | ${ratio(ours, io)} | ≤ 0.5 |`,
    );
    print(
      `| the same, thousand events/s | ${thousands(missed / (ours / 1_000))} | ${thousands(missed / (io / 1_000))} | ${ratio(io, ours)} | ≥ 200 |`,
    );
  },
};
