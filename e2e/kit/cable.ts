import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";

/** A cable between a device and a server that a test can pull or pinch. */
export interface Cable extends AsyncDisposable {
  readonly url: string;
  /** Cuts all connections, in the middle of whatever they carry. */
  cut(): void;
  /** Nothing passes any more, and nobody is told: as when a phone sleeps. */
  silence(): void;
  /** What passes comes late and in small pieces; undefined: as it comes. A cut then falls into the middle of a frame. */
  trickle(pace: { bytes: number; everyMs: number } | undefined): void;
  /** New connections pass again; silenced ones stay dead. */
  restore(): void;
  /** Bytes that have reached the device. */
  readonly bytes: number;
}

/** @param target the server's address */
export async function layCable(target: string): Promise<Cable> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<{ device: Socket; server: Socket }>();
  let silenced = false;
  let bytes = 0;
  let pace: { bytes: number; everyMs: number } | undefined;
  const slowly = () =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const pass = (from: number) => {
          const size = pace?.bytes ?? chunk.length;
          this.push(chunk.subarray(from, from + size));
          if (from + size >= chunk.length) done();
          else setTimeout(pass, pace?.everyMs ?? 0, from + size).unref();
        };
        pass(0);
      },
    });
  const listener = createServer((device) => {
    const server = connect(Number(port), hostname);
    const pair = { device, server };
    pairs.add(pair);
    if (silenced) return;
    server.on("data", (chunk) => (bytes += chunk.length));
    device.pipe(server).pipe(slowly()).pipe(device);
    const end = () => {
      pairs.delete(pair);
      device.destroy();
      server.destroy();
    };
    for (const socket of [device, server]) socket.on("error", end).on("close", () => !silenced && end());
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  function cut(): void {
    for (const { device, server } of [...pairs]) {
      device.destroy();
      server.destroy();
    }
    pairs.clear();
  }
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut,
    silence() {
      silenced = true;
      for (const { device, server } of pairs) {
        device.unpipe();
        server.unpipe();
        device.pause();
        server.pause();
      }
    },
    trickle(wanted) {
      pace = wanted;
    },
    restore() {
      silenced = false;
    },
    get bytes() {
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}
