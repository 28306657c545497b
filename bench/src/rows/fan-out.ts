import type { Row } from "../main.ts";
import { cpuSeconds, median, ratio, rounds, type ServerName, servers, setUp, thousands } from "./measure.ts";

const names = Object.keys(servers) as ServerName[];

/** Deliveries per server CPU-second: bursts of 16 events of 200 bytes, the next when all have the last. */
export async function bursts(name: ServerName, clients: number, args: string[] = []): Promise<number> {
  const size = 16;
  const setup = await setUp(name, { sessions: 1, clients }, args);
  const run = async (count: number) => {
    await setup.clients.ask({ do: "begin" });
    const before = await cpuSeconds(setup.server);
    for (let i = 1; i <= count; i++) {
      await setup.server.ask({ do: "burst", size, sessions: 1, bytes: 200 });
      await setup.clients.ask({ do: "expect", count: i * size * clients });
    }
    return (count * size * clients) / ((await cpuSeconds(setup.server)) - before);
  };
  const enough = name.startsWith("socket.io") ? Math.ceil(20_000 / clients) : Math.ceil(200_000 / clients);
  await run(Math.ceil(enough / 4));
  const result = await run(enough);
  await setup.end();
  return result;
}

/** The same for single events at 18,000 deliveries a second, and the time from making to receiving. */
export async function singles(
  name: ServerName,
  sessions: number,
  perSession: number,
  args: string[] = [],
): Promise<{ perCpuSecond: number; p99: number }> {
  const clients = sessions * perSession;
  const setup = await setUp(name, { sessions, clients }, args);
  const perSecond = 18_000 / perSession;
  // Until the compiler has settled.
  await setup.server.ask({ do: "steady", sessions, perSecond, seconds: 4, bytes: 200 });
  await setup.clients.ask({ do: "begin" });
  const before = await cpuSeconds(setup.server);
  const seconds = 4;
  await setup.server.ask({ do: "steady", sessions, perSecond, seconds, bytes: 200 });
  await setup.clients.ask({ do: "expect", count: Math.floor(perSecond * seconds * perSession * 0.999) });
  const used = (await cpuSeconds(setup.server)) - before;
  const { p99 } = await setup.clients.ask<{ p99: number }>({ do: "report" });
  await setup.end();
  return { perCpuSecond: (perSecond * seconds * perSession) / used, p99 };
}

export const fanOut: Row = {
  name: "fan-out",
  async run(print) {
    print(
      "| work | ours | ws, one write a turn, no log | socket.io, recovery | ours ÷ ws | ours ÷ socket.io | target |",
    );
    print("| --- | --- | --- | --- | --- | --- | --- |");
    for (const clients of [100, 1_000]) {
      const figures = new Map<ServerName, number[]>(names.map((name) => [name, []]));
      for (let round = 0; round < rounds; round++)
        for (const name of names) figures.get(name)?.push(await bursts(name, clients));
      const [ours = 0, ws = 0, io = 0] = names.map((name) => median(figures.get(name) ?? []));
      print(
        `| bursts of 16, 1 session, ${clients} clients: thousand deliveries per CPU-second | ${thousands(ours)} | ${thousands(ws)} | ${thousands(io)} | ${ratio(ours, ws)} | ${ratio(ours, io)} | ≥ 0.8, ≥ 10 |`,
      );
    }
    for (const [sessions, perSession, target] of [
      [1, 100, 1.2],
      [300, 3, 1.4],
      [300, 1, 1.7],
    ] as const) {
      const cpu = new Map<ServerName, number[]>(names.map((name) => [name, []]));
      const p99 = new Map<ServerName, number[]>(names.map((name) => [name, []]));
      for (let round = 0; round < rounds; round++) {
        for (const name of names) {
          const found = await singles(name, sessions, perSession);
          cpu.get(name)?.push(found.perCpuSecond);
          p99.get(name)?.push(found.p99);
        }
      }
      const [ours = 0, ws = 0, io = 0] = names.map((name) => median(cpu.get(name) ?? []));
      const [oursP99 = 0, wsP99 = 0, ioP99 = 0] = names.map((name) => median(p99.get(name) ?? []));
      print(
        `| one at a time, ${sessions} × ${perSession}: thousand deliveries per CPU-second | ${thousands(ours)} | ${thousands(ws)} | ${thousands(io)} | ${ratio(ours, ws)} | ${ratio(ours, io)} | ≥ ${target} × socket.io |`,
      );
      print(
        `| the same, p99 in ms at 18,000 deliveries/s | ${oursP99.toFixed(1)} | ${wsP99.toFixed(1)} | ${ioP99.toFixed(1)} | ${ratio(oursP99, wsP99)} | ${ratio(oursP99, ioP99)} | ≤ 1 × socket.io |`,
      );
    }
  },
};
