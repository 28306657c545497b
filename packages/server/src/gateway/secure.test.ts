import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { openAuthority } from "../certificates/index.ts";
import { systemClock } from "../clock.ts";
import { makeSecure } from "./secure.ts";

test("[CRT-5] another certificate is shown to the next who come, without a restart; who says nothing, or nonsense, harms nobody", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "companion-secure-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const authority = await openAuthority({ directory, clock: systemClock });
  const names = { names: ["localhost"], addresses: ["127.0.0.1"] };
  let current = await authority.issue(names);
  let tell = () => {};
  const server = createServer((_request, response) => response.end("served"));
  stack.defer(() => server.closeAllConnections());
  stack.defer(() => void server.close());
  makeSecure(server, {
    get current() {
      return current;
    },
    authority: authority.pem,
    isAuthorityNew: true,
    onChanged(listener) {
      tell = listener;
      return () => {};
    },
    close() {},
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const open = async () => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority.pem });
    stack.defer(() => void socket.destroy());
    await once(socket, "secureConnect");
    return socket;
  };
  const silent = connectPlain(port, "127.0.0.1");
  stack.defer(() => void silent.destroy());
  await once(silent, "connect");
  const nonsense = connectPlain(port, "127.0.0.1", () => nonsense.write(Buffer.from([0x16, 1, 2, 3, 4, 5])));
  nonsense.on("error", () => {});
  await once(nonsense, "close");

  const first = await open();
  const before = first.getPeerCertificate().fingerprint256;
  current = await authority.issue(names);
  tell();
  const second = await open();
  assert.notEqual(second.getPeerCertificate().fingerprint256, before);
  for (const socket of [first, second]) {
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let said = "";
    for await (const chunk of socket.setEncoding("utf8")) said += chunk;
    assert.match(said, /served$/, "also who came before goes on");
  }
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "served");
});
