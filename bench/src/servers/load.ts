/** What a bench asks of any server. */
export type ServerRequest =
  | { do: "prepare"; sessions: number }
  /** `bursts` times `size` events in every session, the next when `pace` says so. */
  | { do: "burst"; size: number; sessions: number; bytes: number }
  /** One event at a time, sessions in turn, `perSecond` in all. */
  | { do: "steady"; sessions: number; perSecond: number; seconds: number; bytes: number }
  /** Live text: `perSecond` pieces in each session. Only ours has it. */
  | { do: "stream"; sessions: number; perSecond: number; seconds: number }
  /** So many more sessions that do nothing. Only ours has them. */
  | { do: "sleepers"; count: number }
  | { do: "cpu" }
  | { do: "memory" };

/** Where clients of this server connect, and what they say there. */
export interface Address {
  port: number;
  path: string;
  hello: string[];
  prefix: string;
  sessions: string[];
}

/** What differs from server to server. */
export interface LoadServer {
  prepare(sessions: number): Promise<Address>;
  /** Sends events of about `bytes` bytes to all who follow a session, all in this turn of the loop. */
  publish(session: number, count: number, bytes: number): void;
  /** A piece of live text in a session; `last` ends the block. */
  say?(session: number, text: string, last: boolean): void;
  sleepers?(count: number): Promise<void>;
}

/** About `bytes` characters that begin with the time they were made. */
export function payloadOf(bytes: number): string {
  const time = (performance.timeOrigin + performance.now()).toFixed(3).padEnd(17, "0").slice(0, 17);
  return `@@${time}`.padEnd(bytes, "x");
}

export async function serveLoad(request: ServerRequest, server: LoadServer): Promise<unknown> {
  switch (request.do) {
    case "prepare":
      return server.prepare(request.sessions);
    case "burst":
      for (let i = 0; i < request.sessions; i++) server.publish(i, request.size, request.bytes);
      return {};
    case "steady":
      return steady(request, server);
    case "stream":
      return stream(request, server);
    case "sleepers":
      await server.sleepers?.(request.count);
      return {};
    case "cpu": {
      const { user, system } = process.cpuUsage();
      return { seconds: (user + system) / 1e6 };
    }
    case "memory": {
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, held: heapUsed + external };
    }
  }
}

async function steady(
  { sessions, perSecond, seconds, bytes }: Extract<ServerRequest, { do: "steady" }>,
  server: LoadServer,
): Promise<object> {
  const begun = performance.now();
  const wanted = perSecond * seconds;
  let sent = 0;
  while (sent < wanted) {
    const due = Math.min(wanted, Math.floor(((performance.now() - begun) / 1_000) * perSecond));
    for (; sent < due; sent++) server.publish(sent % sessions, 1, bytes);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { sent };
}

/** Pieces of a block before it is stored whole. */
const piecesOfBlock = 100;

async function stream(
  { sessions, perSecond, seconds }: Extract<ServerRequest, { do: "stream" }>,
  server: LoadServer,
): Promise<object> {
  const begun = performance.now();
  const wanted = sessions * perSecond * seconds;
  let said = 0;
  while (said < wanted) {
    const due = Math.min(wanted, Math.floor(((performance.now() - begun) / 1_000) * sessions * perSecond));
    for (; said < due; said++) {
      const piece = Math.floor(said / sessions);
      server.say?.(said % sessions, `${payloadOf(20)} `, piece % piecesOfBlock === piecesOfBlock - 1);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { said, seconds: (performance.now() - begun) / 1_000 };
}
