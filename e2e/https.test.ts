import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get as getClear, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "@claude-companion/client";
import { WebSocket } from "ws";
import { outputOf } from "./kit/lines.ts";
import { makePlace, runCommand, startServer, token } from "./kit/server.ts";

const nobody = "http://127.0.0.1:1";
/** An address of this machine that is not loopback: who comes from there to loopback looks like somebody else. */
const elsewhere = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

async function answerOf(
  request: ReturnType<typeof getClear>,
): Promise<{ status: number; location: string | undefined; body: string }> {
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode ?? 0, location: response.headers.location, body };
}

test("[CRT-4] with --tls local one port speaks https, and http to this machine only; over the network the clear leads to the page that shows how to trust", async () => {
  await using place = await makePlace(nobody);
  await using stack = new AsyncDisposableStack();
  const extra = { TLS: "local", MDNS: "false" };
  const server = stack.use(await startServer(place, extra));
  const { port } = new URL(server.url);
  const ca = await readFile(join(place.directory, "data", "authority", "authority.pem"), "utf8");
  const secure = (path: string) =>
    answerOf(getSecure({ host: "127.0.0.1", port, path, ca, headers: { authorization: `Bearer ${token}` } }));
  assert.equal((await secure("/api/sessions")).status, 200);
  assert.match((await secure("/")).body, /Claude Companion/);

  // The client library, all the way through TLS.
  class Trusting extends WebSocket {
    constructor(url: string) {
      super(url, { ca });
    }
  }
  const device = await connect({
    url: `https://127.0.0.1:${port}`,
    token,
    WebSocket: Trusting as never,
    // Node's own fetch takes no authority a request.
    fetch: (url, init) => fetch(String(url).replace("https:", "http:"), init),
  });
  stack.defer(() => device.close());
  const { session } = await device.request("createSession", { workingDirectory: place.project });
  assert.equal(session.workingDirectory, place.project);

  assert.ok(elsewhere, "this machine has no network");
  const clear = (path: string) => answerOf(getClear({ host: "127.0.0.1", port, path, localAddress: elsewhere }));
  assert.deepEqual((await clear("/session/x")).location, "/trust");
  const api = await clear("/api/sessions");
  assert.equal(api.status, 426);
  assert.match(api.body, /Use https:/);
  assert.equal((await clear("/ws")).status, 307);
  const page = await clear("/trust");
  assert.match(page.body, /Certificate Trust Settings/);
  assert.match((await clear("/trust/companion.mobileconfig")).body, /com\.apple\.security\.root/);
  assert.match((await clear("/trust/companion.crt")).body, /Claude Companion/);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?token=${token}`, { localAddress: elsewhere });
  const [, refusal] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(refusal.statusCode, 403);
  socket.on("error", () => {});
  socket.terminate();

  const [shown] = await outputOf(runCommand(place, ["pair"]));
  assert.match(shown, new RegExp(`https://[^ ]+:${port}/#pair=`));
  await server.stop("SIGKILL");
  await using again = await startServer(place, { ...extra, PORT: port });
  assert.equal((await secure("/api/sessions")).status, 200, "the authority that devices trust is still the same");
  await again.stop();
});
