import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext } from "playwright-core";
import { callApi } from "./kit/api.ts";
import { begin, pair, problems } from "./kit/app.ts";
import { noBrowser, startBrowser } from "./kit/chromium.ts";
import { prompt, slowly } from "./kit/directive.ts";
import { outputOf } from "./kit/lines.ts";
import { listen } from "./kit/listen.ts";
import { type Model, startModel } from "./kit/model.ts";
import { runCommand, token } from "./kit/server.ts";
import { startWorld } from "./kit/world.ts";

const bash = (command: string) => ({ name: "Bash", input: { command } });

describe("the web app, the real Claude CLI", { skip: noBrowser }, () => {
  let model: Model;
  let browser: Browser;
  before(async () => {
    model = await startModel();
    browser = await startBrowser();
  });
  after(async () => {
    await browser.close();
    await model[Symbol.asyncDispose]();
  });

  for (const screen of ["phone", "desktop"] as const) {
    test(`[WEB-1] a browser is paired by a code, begins a session, sees it work, allows, answers and stops it (${screen})`, async () => {
      await using world = await startWorld(model);
      const page = await pair(browser, world, screen);
      await begin(page, world, prompt({ say: "I will touch it.", tools: [bash("touch it")] }, { say: "**Done** it." }));
      const log = page.getByRole("log");
      await log.getByText("I will touch it.").waitFor();
      const asks = page.getByRole("region", { name: "Claude asks" });
      await asks.getByText("touch it").first().waitFor();
      assert.deepEqual(await problems(page), []);
      await asks.getByRole("button", { name: "Allow", exact: true }).click();
      await log.locator("strong", { hasText: "Done" }).waitFor();
      assert.equal(existsSync(`${world.place.project}/it`), true);
      await page.locator("header [role=status]", { hasText: "idle" }).waitFor();

      const composer = page.getByLabel("Message to Claude");
      const question = {
        name: "AskUserQuestion",
        input: {
          questions: [
            {
              question: "Which colour?",
              header: "Colour",
              multiSelect: false,
              options: [
                { label: "Red", description: "warm" },
                { label: "Blue", description: "cold" },
              ],
            },
          ],
        },
      };
      await composer.fill(prompt({ tools: [question] }, { say: "A fine choice." }));
      await page.getByRole("button", { name: "Send" }).click();
      await asks.getByRole("button", { name: "Blue" }).click();
      await log.getByText("A fine choice.").waitFor();

      await composer.fill(slowly(50, { say: "This takes its time. ".repeat(40) }));
      await page.getByRole("button", { name: "Send" }).click();
      await log.getByText(/^This takes its time/).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await log.getByText("stopped").waitFor();
      assert.deepEqual(await problems(page), []);
      await page.context().close();
    });
  }

  test("[WEB-2] a second device is in step; a message that is written offline leaves once when the net is back; a device that is taken back is out at once", async () => {
    await using world = await startWorld(model);
    const phone = await pair(browser, world, "phone");
    const desk = await pair(browser, world, "desktop");
    await begin(phone, world, prompt({ say: "hello from the phone" }));
    await phone.getByRole("log").getByText("hello from the phone", { exact: true }).waitFor();
    await phone.waitForURL(/\/session\//);
    await desk.goto(phone.url());
    await desk.getByRole("log").getByText("hello from the phone", { exact: true }).waitFor();

    const context: BrowserContext = phone.context();
    await context.setOffline(true);
    await phone.getByText("You are offline").waitFor();
    const said = prompt({ say: "said while away" });
    await phone.getByLabel("Message to Claude").fill(said);
    await phone.getByRole("button", { name: "Send" }).click();
    await context.setOffline(false);
    await desk.getByRole("log").getByText("said while away", { exact: true }).waitFor();
    await phone.getByRole("log").getByText("said while away", { exact: true }).waitFor();
    assert.equal(await model.asked("said while away"), 1);

    const { tokens }: { tokens: { tokenId: string; name: string }[] } = (await world.api("GET", "/api/tokens")).body;
    assert.equal(tokens.length, 2);
    await world.api("DELETE", `/api/tokens/${tokens[0]?.tokenId}`);
    await phone.getByLabel("Code or token").waitFor();
    assert.equal(
      await desk.getByRole("log").getByText("said while away", { exact: true }).count(),
      1,
      "the other one stays",
    );
    await phone.context().close();
    await desk.context().close();
  });

  test("[WEB-3] what agents write runs nothing and loads nothing; the policy of the page would not let it", async () => {
    await using world = await startWorld(model);
    const page = await pair(browser, world, "phone");
    const foreign: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(world.server.url)) foreign.push(request.url());
    });
    const hostile = `<script>document.title="owned"</script><img src=x onerror="document.title='owned'"> [click](javascript:document.title='owned') ![pic](https://evil.example/x.png) <iframe src="https://evil.example"></iframe> the end`;
    await begin(page, world, prompt({ say: hostile }));
    await page.getByRole("log").getByText("the end").waitFor();
    assert.notEqual(await page.title(), "owned");
    assert.deepEqual(foreign, []);
    assert.equal(await page.locator("iframe, [role=log] img, [role=log] script").count(), 0);
    const links = await page
      .locator("[role=log] a")
      .evaluateAll((all) => all.map((link) => [link.getAttribute("href"), link.getAttribute("rel")].join(" ")));
    assert.ok(
      links.every((link) => !link.startsWith("javascript:") && link.endsWith("noopener noreferrer")),
      links.join(),
    );
    const { headers } = await callApi(`${world.server.url}/`, { token: "none-is-needed" });
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self'/);
    await page.context().close();
  });

  test("[WEB-7] the service worker shows what it is told, says that it did, and its button lets the turn go on", async () => {
    await using world = await startWorld(model);
    const page = await pair(browser, world, "desktop");
    const context = page.context();
    await context.grantPermissions(["notifications"], { origin: world.server.url });
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    await using stack = new AsyncDisposableStack();
    const told = Promise.withResolvers<string>();
    const hook = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end();
      if (JSON.parse(body).reason === "permission") told.resolve(body);
    });
    stack.defer(() => hook.closeAllConnections());
    stack.defer(() => void hook.close());
    const url = `http://127.0.0.1:${await listen(hook)}/`;
    await world.api("POST", "/api/push-notifications/targets", { platform: "webhook", url });
    await begin(page, world, prompt({ tools: [bash("touch told")] }, { say: "It went on." }));
    // What a push service would bring: no browser of a test has one.
    const payload = await told.promise;
    await worker.evaluate(`self.dispatchEvent(new PushEvent("push", { data: ${JSON.stringify(payload)} }))`);
    const { notificationId }: { notificationId: string } = JSON.parse(payload);
    const isShown = async () => {
      const { notifications }: { notifications: { notificationId: string; shownAt?: string }[] } = (
        await world.api("GET", "/api/push-notifications/log")
      ).body;
      return notifications.some((one) => one.notificationId === notificationId && one.shownAt !== undefined);
    };
    for (let tries = 0; !(await isShown()); tries++) {
      assert.ok(tries < 100, "no receipt came");
      await setTimeout(50);
    }
    await worker.evaluate(`self.registration.getNotifications().then(([notification]) =>
      self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action: "allow" })))`);
    await page.getByRole("log").getByText("It went on.", { exact: true }).waitFor();
    await context.close();
  });

  test("[WEB-5] what must be there before a conversation shows is at most 200 KB of script, gzipped", async () => {
    const dist = fileURLToPath(new URL("../packages/web/dist/", import.meta.url));
    const wanted = [...(await readFile(`${dist}index.html`, "utf8")).matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)];
    const scripts = new Set(wanted.map(([, path]) => dist + path));
    assert.ok(scripts.size > 0);
    let bytes = 0;
    // What a script imports at once is on the way, too; what it imports later is not.
    for (const script of scripts) {
      const text = await readFile(script, "utf8");
      bytes += gzipSync(text).length;
      for (const [, path] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
        scripts.add(`${dist}assets/${path}`);
    }
    assert.ok(bytes < 200 * 1_024, `${Math.round(bytes / 1_024)} KB`);
  });

  test("[WEB-4] a code lets one device in, once; `claude-companion pair` shows it as a picture", async () => {
    await using world = await startWorld(model);
    const [shown, exit] = await outputOf(runCommand(world.place, ["pair"]));
    assert.equal(exit, 0);
    assert.match(shown, /█/);
    const code = /#pair=([A-Z0-9]{8})/.exec(shown)?.[1] ?? assert.fail(shown);
    assert.ok(!shown.includes(token));
    const redeem = (given: string) =>
      world.api("POST", "/api/pairing/redeem", { code: given, name: "phone" }, { authorization: "" });
    assert.equal((await redeem("AAAABBBB")).status, 401);
    const answer = await redeem(`${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`);
    assert.equal(answer.status, 201);
    assert.equal((await redeem(code)).status, 401, "it works once");
    const { token: own }: { token: string } = answer.body;
    assert.equal((await callApi(`${world.server.url}/api/sessions`, { token: own })).status, 200);
    const { code: second }: { code: string } = (await world.api("POST", "/api/pairing")).body;
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${world.server.url}/?token=${token}`);
    await page.getByRole("heading", { name: "Sessions" }).waitFor();
    assert.ok(!page.url().includes(token), "a token leaves the address, too");
    await context.close();
    for (let i = 0; i < 20; i++) await redeem("CCCCDDDD");
    assert.equal((await redeem(second)).status, 401, "guessing ends it");
  });
});
