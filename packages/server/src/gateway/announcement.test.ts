import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Bonjour, type Service } from "bonjour-service";
import { announce } from "./announcement.ts";

test("[CRT-6] the server is found on the local network by its type, beside others of the machine, and no more after it has ended", async () => {
  await using stack = new AsyncDisposableStack();
  const app = new Bonjour({}, assert.fail);
  stack.defer(() => new Promise<void>((resolve) => app.destroy(() => resolve())));
  // Others may stand on this network.
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const end = announce({
    port,
    host: "laptop.local",
    isSecure: true,
    version: "1.2.3",
    onError: (error) => assert.fail(String(error)),
  });
  const other = announce({
    port: port + 1,
    host: "laptop.local",
    isSecure: true,
    version: "1.2.3",
    onError: (error) => assert.fail(String(error)),
  });
  stack.defer(other);
  const browser = app.find({ type: "claude-companion" });
  const isOurs = (service: Service) => service.port === port;
  let [found] = browser.services.filter(isOurs);
  while (found === undefined) {
    await once(browser, "up");
    [found] = browser.services.filter(isOurs);
  }
  while (!browser.services.some((service) => service.port === port + 1)) await once(browser, "up");
  assert.equal(found.host, "laptop.local");
  assert.deepEqual(found.txt, { version: "1.2.3", scheme: "https", path: "/" });
  const gone = once(browser, "down");
  await end();
  const [service] = (await gone) as [Service];
  assert.equal(service.port, port);
});
