// `ws` at its best: no log, frames built once, all that a turn has in one write.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { serveRequests } from "../control.ts";
import { payloadOf, type ServerRequest, serveLoad } from "./load.ts";

const rooms: Set<Duplex>[] = [];
const http = createServer();
const sockets = new WebSocketServer({ noServer: true });
http.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on("error", () => {});
    ws.on("message", (raw) => {
      const room = rooms[Number(String(raw))];
      room?.add(socket);
      socket.once("close", () => room?.delete(socket));
      ws.send("joined");
    });
  });
});
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
let made = 0;

function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header =
    length < 126
      ? Buffer.from([0x81, length])
      : length < 65_536
        ? Buffer.from([0x81, 126, length >> 8, length & 255])
        : Buffer.alloc(10);
  if (length >= 65_536) {
    header[0] = 0x81;
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, Buffer.from(text)]);
}

serveRequests((request: ServerRequest) =>
  serveLoad(request, {
    async prepare(count) {
      while (rooms.length < count) rooms.push(new Set());
      const sessions = rooms.map((_, i) => String(i));
      return {
        port: (http.address() as AddressInfo).port,
        path: "/",
        hello: ["%s"],
        prefix: '{"type":"agentNotice"',
        sessions,
      };
    },
    publish(index, count, bytes) {
      const frames: Buffer[] = [];
      for (let i = 0; i < count; i++) {
        const data = { kind: "notice", text: payloadOf(bytes) };
        frames.push(
          frame(
            JSON.stringify({
              type: "agentNotice",
              sessionId: index,
              seq: ++made,
              timestamp: new Date().toISOString(),
              data,
            }),
          ),
        );
      }
      const joined = Buffer.concat(frames);
      for (const socket of rooms[index] ?? []) socket.write(joined);
    },
  }),
);
