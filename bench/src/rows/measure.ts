import { type Remote, startRemote } from "../control.ts";
import type { Address } from "../servers/load.ts";

export const servers = {
  ours: "./servers/ours.ts",
  "ws (one write a turn, no log)": "./servers/plain-ws.ts",
  "socket.io (recovery)": "./servers/socket-io.ts",
} as const;
export type ServerName = keyof typeof servers;

/** A server on one core, its clients on the other. */
export interface Setup {
  server: Remote;
  clients: Remote;
  address: Address;
  end(): Promise<void>;
}

/** @param args of the server's process */
export async function setUp(
  name: ServerName,
  size: { sessions: number; clients: number },
  args: string[] = [],
): Promise<Setup> {
  const server = startRemote(servers[name], { core: 0, args });
  const clients = startRemote("./load-client.ts", { core: 1 });
  const address = await server.ask<Address>({ do: "prepare", sessions: size.sessions });
  await clients.ask({ do: "connect", ...address, count: size.clients });
  return {
    server,
    clients,
    address,
    async end() {
      await clients.end();
      await server.end();
    },
  };
}

export const rounds = Number(process.env.ROUNDS ?? 3);
export const cpuSeconds = async (server: Remote): Promise<number> =>
  (await server.ask<{ seconds: number }>({ do: "cpu" })).seconds;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const thousands = (value: number): string => (value / 1_000).toFixed(value < 100_000 ? 1 : 0);
export const ratio = (a: number, b: number): string => (a / b).toFixed(2);
