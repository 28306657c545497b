// socket.io with connectionStateRecovery: what most would take for "do not lose events".
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { serveRequests } from "../control.ts";
import { payloadOf, type ServerRequest, serveLoad } from "./load.ts";

const http = createServer();
const io = new Server(http, {
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  pingInterval: 600_000,
  transports: ["websocket"],
});
io.on("connection", (socket) => {
  socket.on("join", async (room: string) => {
    await socket.join(room);
    socket.emit("joined");
  });
});
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
let made = 0;

serveRequests((request: ServerRequest) =>
  serveLoad(request, {
    async prepare(count) {
      const sessions = Array.from({ length: count }, (_, i) => String(i));
      return {
        port: (http.address() as AddressInfo).port,
        path: "/socket.io/?EIO=4&transport=websocket",
        hello: ["", "40", '42["join","%s"]'],
        prefix: '42["event"',
        sessions,
      };
    },
    publish(index, count, bytes) {
      for (let i = 0; i < count; i++) {
        const data = { kind: "notice", text: payloadOf(bytes) };
        io.to(String(index)).emit("event", {
          type: "agentNotice",
          sessionId: index,
          seq: ++made,
          timestamp: new Date().toISOString(),
          data,
        });
      }
    },
  }),
);
