import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { createServer, TLSSocket } from "node:tls";
import type { Certificate } from "../certificates/index.ts";

/** A connection that says nothing is given up after this. */
const silentMs = 10_000;
/** First byte of every TLS connection: a handshake record (RFC 8446, 5.1). */
const handshake = 0x16;

/**
 * Makes a server speak https as well as http on its one port: the first byte tells them apart. So a phone that does not
 * trust the certificate yet can be shown how to, and programs of this machine need no certificate.
 */
export function makeSecure(server: Server, certificate: Certificate): () => void {
  const [serve] = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  if (serve === undefined) throw new Error("the server takes no connections");
  const secure = createServer({ ...certificate.current, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] });
  const stopRenewing = certificate.onChanged(() => secure.setSecureContext(certificate.current));
  secure.on("secureConnection", (socket) => serve.call(server, socket));
  // Somebody who does not trust us, or speaks no TLS after all: theirs to mend.
  secure.on("tlsClientError", (_error, socket) => socket.destroy());

  server.removeListener("connection", serve);
  server.on("connection", (socket: Socket) => {
    const giveUp = () => socket.destroy();
    socket.setTimeout(silentMs, giveUp);
    socket.on("error", giveUp);
    socket.once("data", (first: Buffer) => {
      socket.setTimeout(0);
      socket.removeListener("timeout", giveUp);
      socket.removeListener("error", giveUp);
      socket.pause();
      socket.unshift(first);
      // TLS takes over the connection below the stream, and what was read of it before; it must not flow meanwhile.
      if (first[0] === handshake) return secure.emit("connection", socket);
      serve.call(server, socket);
      return socket.resume();
    });
  });
  return stopRenewing;
}

/** Whether nobody on the way could read or change a request: it came by TLS, or from this machine itself. */
export function isPrivateRequest({ socket }: Pick<IncomingMessage, "socket">): boolean {
  if (socket instanceof TLSSocket) return true;
  const { remoteAddress = "", localAddress } = socket;
  return remoteAddress === localAddress || /^(::ffff:)?127\.|^::1$/.test(remoteAddress);
}
