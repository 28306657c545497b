import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { layCable } from "./kit/cable.ts";
import { noBrowser, startBrowser } from "./kit/chromium.ts";
import { prompt, slowly } from "./kit/directive.ts";
import { listen } from "./kit/listen.ts";
import { startModel } from "./kit/model.ts";
import { makePlace, startServer, token } from "./kit/server.ts";

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("../packages/client/src/index.ts", import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    conditions: ["source"],
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** The server with a page and the client library in front of it, all of one origin. */
async function serveApp(target: string) {
  const script = await bundle();
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, response) => {
    if (incoming.url === "/")
      return void response.setHeader("content-type", "text/html").end("<!doctype html><title>app</title>");
    if (incoming.url === "/client.js") return void response.setHeader("content-type", "text/javascript").end(script);
    const outgoing = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on("upgrade", (incoming, socket, head) => {
    const upstream = connect(Number(port), hostname, () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}`);
      upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
    for (const one of [socket, upstream])
      one
        .on("error", () => {})
        .on("close", () => {
          socket.destroy();
          upstream.destroy();
        });
  });
  const own = await listen(server);
  return {
    url: `http://127.0.0.1:${own}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Opens the page and connects; the page's `app` is the client, `seen` what came. */
async function openApp(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.evaluate(async (secret) => {
    const client = await import(`${location.origin}/client.js`);
    const storage = await client.openIndexedDb("companion");
    const app = await client.connect({ url: location.origin, token: secret, storage, deviceName: "browser" });
    Object.assign(globalThis, { app, seen: [] });
  }, token);
}

async function openBrowser() {
  const browser = await startBrowser();
  return { newContext: () => browser.newContext(), [Symbol.asyncDispose]: () => browser.close() };
}

describe("the client library in a browser", { skip: noBrowser }, () => {
  test("[CLI-40] it is under 15 KB, gzipped, with all it needs", async () => {
    const size = gzipSync(await bundle()).length;
    assert.ok(size < 15 * 1024, `${size} bytes`);
  });

  test("[CLI-41] a message that was written without a network, in a page that was closed, leaves once when both are back; the stream goes on where it was", async () => {
    await using model = await startModel();
    await using place = await makePlace(model.url);
    await using server = await startServer(place);
    await using app = await serveApp(server.url);
    await using browser = await openBrowser();
    const context = await browser.newContext();
    const first = await context.newPage();
    await openApp(first, app.url);
    const follow = async (page: Page, sessionId: string) =>
      page.evaluate((id) => {
        const { app: client, seen } = globalThis as never as {
          app: { subscribe(id: string): AsyncIterable<object> };
          seen: object[];
        };
        void (async () => {
          for await (const frame of client.subscribe(id)) seen.push(frame);
        })();
      }, sessionId);
    const until = (page: Page, text: string) =>
      page.waitForFunction(
        (wanted) => JSON.stringify((globalThis as never as { seen: object[] }).seen).includes(wanted),
        text,
      );
    const sessionId = await first.evaluate(async (workingDirectory) => {
      const { app: client } = globalThis as never as {
        app: { request(type: string, data: object): Promise<{ session: { sessionId: string } }> };
      };
      return (await client.request("createSession", { workingDirectory })).session.sessionId;
    }, place.project);
    const send = (page: Page, text: string) =>
      page.evaluate(
        ([id = "", content = ""]) =>
          void (globalThis as never as { app: { send(id: string, content: string): Promise<unknown> } }).app
            .send(id, content)
            .catch(() => {}),
        [sessionId, text],
      );
    await follow(first, sessionId);
    await send(first, prompt({ say: "before the tunnel" }));
    await until(first, '"status":"idle"');
    // Everything that it has seen is noted as seen.
    await first.evaluate(async (id) => {
      const { seen } = globalThis as never as { seen: { seq?: number }[] };
      const { openIndexedDb } = await import(`${location.origin}/client.js`);
      const storage = await openIndexedDb("companion");
      const noted = async () => ((await storage.get(`position/${id}`)) as { seq: number } | undefined)?.seq ?? 0;
      while ((await noted()) < Math.max(...seen.map(({ seq }) => seq ?? 0))) await new Promise(requestAnimationFrame);
    }, sessionId);
    await context.setOffline(true);
    await send(first, prompt({ say: "written in the tunnel" }));
    await first.waitForTimeout(100);
    await first.close();
    await context.setOffline(false);
    const second = await context.newPage();
    await openApp(second, app.url);
    await follow(second, sessionId);
    await until(second, "written in the tunnel");
    await until(second, "turnCompleted");
    const seen = await second.evaluate(
      () => (globalThis as never as { seen: { type: string; seq?: number; data: object }[] }).seen,
    );
    assert.equal(JSON.stringify(seen).includes("before the tunnel"), false, "what was seen is not sent again");
    const numbers = seen.flatMap(({ seq }) => seq ?? []);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => (numbers[0] ?? 0) + i),
    );
    assert.equal(await model.asked("written in the tunnel"), 1);
  });

  test("[CLI-42] a connection that died while the page slept is noticed within 2 s of waking, and resumed", async () => {
    await using model = await startModel();
    await using place = await makePlace(model.url);
    await using server = await startServer(place);
    await using app = await serveApp(server.url);
    await using cable = await layCable(app.url);
    await using browser = await openBrowser();
    const page = await (await browser.newContext()).newPage();
    await openApp(page, cable.url);
    const sessionId = await page.evaluate(async (workingDirectory) => {
      const { app: client, seen } = globalThis as never as {
        app: {
          connected(): Promise<void>;
          request(type: string, data: object): Promise<{ session: { sessionId: string } }>;
          subscribe(id: string): AsyncIterable<object> & { subscribed: Promise<void> };
        };
        seen: object[];
      };
      await client.connected();
      const { session } = await client.request("createSession", { workingDirectory });
      const stream = client.subscribe(session.sessionId);
      void (async () => {
        for await (const frame of stream) seen.push(frame);
      })();
      await stream.subscribed;
      return session.sessionId;
    }, place.project);
    const desk = await server.device("desk");
    cable.silence();
    await desk.send(sessionId, slowly(1, { say: "while you slept" }));
    cable.restore();
    const ms = await page.evaluate(async () => {
      const { app: client } = globalThis as never as {
        app: { onState(listener: (state: { name: string }) => void): void };
      };
      const begun = performance.now();
      const noticed = new Promise<number>((resolve) =>
        client.onState(({ name }) => name === "reconnecting" && resolve(performance.now() - begun)),
      );
      dispatchEvent(new Event("pageshow"));
      return noticed;
    });
    assert.ok(ms < 2_000, `${ms} ms`);
    await page.waitForFunction(() =>
      JSON.stringify((globalThis as never as { seen: object[] }).seen).includes('"state":"answered"'),
    );
    const numbers = await page.evaluate(() =>
      (globalThis as never as { seen: { seq?: number }[] }).seen.flatMap(({ seq }) => seq ?? []),
    );
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  });
});
