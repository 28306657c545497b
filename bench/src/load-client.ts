// Many bare WebSocket connections in one process: counts messages and samples their latency, and does little else.
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { serveRequests } from "./control.ts";

interface Client {
  socket: Socket;
  /** Bytes of a message that is not whole yet. */
  rest: Buffer | undefined;
  upgraded: boolean;
  received: number;
  texts: number;
  /** The last message, and the one that named us to socket.io. */
  last: string;
  named: string;
}

interface ConnectRequest {
  do: "connect";
  port: number;
  count: number;
  /** The path for client i; "%i" stands for i. */
  path: string;
  /** Text messages to send once upgraded; "%s" stands for the session of client i. */
  hello: string[];
  sessions: string[];
  /** Messages that begin with this are counted. */
  prefix: string;
}

const clients: Client[] = [];
let prefix = Buffer.alloc(0);
let total = 0;
/** Payloads of ours in what was counted: a frame of text may hold several. */
let pieces = 0;
let target = Number.POSITIVE_INFINITY;
let reached: (() => void) | undefined;
let latencies: number[] = [];
const sampleEvery = 7;
/** What each client says when it comes back. */
let places: string[][] = [];
const clock = () => performance.timeOrigin + performance.now();

function count(client: Client, payload: Buffer): void {
  if (payload.length < prefix.length || payload.compare(prefix, 0, prefix.length, 0, prefix.length) !== 0) return;
  client.received += 1;
  total += 1;
  for (let at = payload.indexOf("@@"); at !== -1; at = payload.indexOf("@@", at + 2)) pieces += 1;
  if (total % sampleEvery === 0) {
    const at = payload.indexOf("@@");
    if (at !== -1) latencies.push(clock() - Number(payload.toString("latin1", at + 2, at + 18)));
  }
  if (total >= target) {
    target = Number.POSITIVE_INFINITY;
    reached?.();
  }
}

function heed(client: Client, chunk: Buffer): void {
  const data = client.rest ? Buffer.concat([client.rest, chunk]) : chunk;
  client.rest = undefined;
  let at = 0;
  if (!client.upgraded) {
    const end = data.indexOf("\r\n\r\n");
    if (end === -1) {
      client.rest = data;
      return;
    }
    if (!data.subarray(0, 12).toString().includes("101")) throw new Error(data.subarray(0, 200).toString());
    client.upgraded = true;
    client.socket.emit("upgraded");
    at = end + 4;
  }
  while (data.length - at >= 2) {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (data.length - at < header) break;
    const length =
      short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    if (data.length - at < header + length) break;
    const opcode = (data[at] ?? 0) & 0x0f;
    const payload = data.subarray(at + header, at + header + length);
    if (opcode === 9) client.socket.write(masked(10, payload));
    else if (payload.length === 1 && payload[0] === 50) client.socket.write(masked(1, Buffer.from("3")));
    else count(client, payload);
    if (opcode === 1) {
      client.texts += 1;
      // A copy of the little that a return needs. All follow the same session: one has seen what the others have.
      if (client === clients[0]) client.last = payload.length < 1_000 ? payload.toString() : "";
      if (payload[0] === 52 && payload[1] === 48 && payload[2] === 123) client.named = payload.toString();
      client.socket.emit("text");
    }
    at += header + length;
  }
  if (at < data.length) client.rest = data.subarray(at);
}

function masked(opcode: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(payload.length < 126 ? 6 : 8);
  header[0] = 0x80 | opcode;
  if (payload.length < 126) header[1] = 0x80 | payload.length;
  else {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
  }
  // A mask of zeroes is a mask.
  return Buffer.concat([header, payload]);
}

async function open(request: Omit<ConnectRequest, "do">, i: number): Promise<void> {
  const socket = connect(request.port, "127.0.0.1");
  const client: Client = { socket, rest: undefined, upgraded: false, received: 0, texts: 0, last: "", named: "" };
  clients.push(client);
  socket.on("data", (chunk) => heed(client, chunk)).on("error", () => {});
  const key = randomBytes(16).toString("base64");
  const path = request.path.replaceAll("%i", String(i));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${request.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once("upgraded", () => resolve(true));
    socket.once("close", () => resolve(false));
  });
  // The system refused it, there were too many at once: as any client would, again.
  if (!isOpen) {
    clients.splice(clients.indexOf(client), 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return open(request, i);
  }
  // Each is answered by one message; "" only waits for one.
  for (const [at, text] of request.hello.entries()) {
    const session = request.sessions[i % request.sessions.length] ?? "";
    if (text !== "") socket.write(masked(1, Buffer.from(text.replaceAll("%s", session))));
    while (client.texts <= at) await new Promise((resolve) => socket.once("text", resolve));
  }
}

function resumeOurs(): string[] {
  const { sessionId, seq } = JSON.parse(clients[0]?.last ?? "{}");
  return ["", JSON.stringify({ type: "subscribe", requestId: "s", data: { sessionId, after: seq } })];
}

/** Its private session id and the offset that came with the last event. */
function resumeSocketIo(client = clients[0]): string[] {
  const { pid } = JSON.parse((client?.named ?? "40{}").slice(2));
  const offset = JSON.parse((clients[0]?.last ?? "42[]").slice(2)).at(-1);
  return ["", `40${JSON.stringify({ pid, offset })}`];
}

serveRequests(
  async (
    request:
      | ConnectRequest
      | { do: "expect"; count: number }
      | { do: "begin" }
      | { do: "prefix"; prefix: string }
      | { do: "report" }
      | { do: "stall"; client: number }
      | { do: "drop" }
      /** Everybody comes back at once, each from its own place (noted before the drop), and waits for `missed` events. */
      | (Omit<ConnectRequest, "do"> & { do: "storm"; missed: number })
      | { do: "place"; kind: "seq" | "socket.io" }
      | (Omit<ConnectRequest, "do"> & { do: "return" }),
  ) => {
    switch (request.do) {
      case "connect":
        prefix = Buffer.from(request.prefix);
        for (let i = 0; i < request.count; i += 50) {
          await Promise.all(Array.from({ length: Math.min(50, request.count - i) }, (_, j) => open(request, i + j)));
        }
        return {};
      case "begin":
        total = 0;
        pieces = 0;
        latencies = [];
        for (const client of clients) client.received = 0;
        return {};
      case "prefix":
        prefix = Buffer.from(request.prefix);
        return {};
      case "expect":
        if (total >= request.count) return {};
        target = request.count;
        await new Promise<void>((resolve) => (reached = resolve));
        return {};
      case "stall":
        clients[request.client]?.socket.pause();
        return {};
      case "place":
        return { hello: request.kind === "seq" ? resumeOurs() : resumeSocketIo() };
      case "return": {
        const begun = performance.now();
        await open(request, 0);
        if (total < request.count) {
          target = request.count;
          await new Promise<void>((resolve) => (reached = resolve));
        }
        return { ms: performance.now() - begun };
      }
      case "drop":
        places = clients.map((client) => (client.named === "" ? resumeOurs() : resumeSocketIo(client)));
        for (const { socket } of clients.splice(0)) socket.destroy();
        return {};
      case "storm": {
        const begun = performance.now();
        const all = new Promise<void>((resolve) => (reached = resolve));
        target = request.count * request.missed;
        await Promise.all(places.map((hello, i) => open({ ...request, hello }, i)));
        await all;
        return { ms: performance.now() - begun };
      }
      case "report": {
        const sorted = latencies.sort((a, b) => a - b);
        const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
        return { total, pieces, received: clients.map((client) => client.received), p50: at(0.5), p99: at(0.99) };
      }
    }
  },
);
