import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { begin, pair, problems, say } from "./kit/app.ts";
import { noBrowser, startBrowser } from "./kit/chromium.ts";
import { prompt, slowly } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startWorld, type World } from "./kit/world.ts";

const bash = (command: string) => ({ name: "Bash", input: { command } });
/** One red point. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);
const log = (page: Page) => page.getByRole("log");
const isIdle = (page: Page) => page.locator("header [role=status]", { hasText: "idle" }).waitFor();

describe("a conversation in the web app, the real Claude CLI", { skip: noBrowser }, () => {
  let model: Model;
  let browser: Browser;
  let world: World;
  let phone: Page;
  before(async () => {
    model = await startModel();
    browser = await startBrowser();
    world = await startWorld(model, { ANTHROPIC_MODEL: "claude-sonnet-4-5", COMMANDS_PER_SECOND: "1000" });
    phone = await pair(browser, world, "phone");
  });
  after(async () => {
    await browser.close();
    await world[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  test("[WEB-8] a plan is a document to approve; what changes is asked in its own words", async () => {
    await phone.goto(`${world.server.url}/new`);
    await phone.getByLabel("What Claude may do").selectOption("plan");
    await phone.getByLabel("Directory").fill(world.place.project);
    const plan = "# The plan\n\n1. **Read** it\n2. Change it";
    await phone
      .getByLabel("First message")
      .fill(prompt({ tools: [{ name: "ExitPlanMode", input: { plan } }] }, { say: "On it." }));
    await phone.getByRole("button", { name: "Begin", exact: true }).click();
    const asks = phone.getByRole("region", { name: "Claude asks" });
    await asks.getByRole("button", { name: "Approve" }).waitFor();
    assert.deepEqual(await problems(phone), []);
    await asks.getByRole("button", { name: "Approve" }).click();
    await log(phone).getByText("On it.", { exact: true }).waitFor();
  });

  test("[WEB-9] a picture goes along: chosen, pasted or dropped; it is shown where it was sent, and the server has it", async () => {
    await begin(phone, world, prompt({ say: "ready" }));
    await isIdle(phone);
    await phone
      .locator("input[type=file]")
      .setInputFiles({ name: "red point.png", mimeType: "image/png", buffer: png });
    await phone.getByRole("button", { name: /Leave red point/ }).waitFor();
    // A paste and a drop, as a browser tells them.
    await phone.evaluate(
      (bytes) => {
        const given = (type: string) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], `${type}.png`, { type: "image/png" }));
          return data;
        };
        const field = document.querySelector("textarea");
        field?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given("pasted"), bubbles: true }));
        document
          .querySelector("[role=log]")
          ?.dispatchEvent(new DragEvent("drop", { dataTransfer: given("dropped"), bubbles: true, cancelable: true }));
      },
      [...png],
    );
    for (const name of ["pasted", "dropped"])
      await phone.getByRole("button", { name: `Leave ${name}.png out` }).waitFor();
    await say(phone, prompt({ say: "three red points" }));
    await log(phone).getByText("three red points", { exact: true }).waitFor();
    await log(phone).locator('img[src^="blob:"]').nth(2).waitFor();
    const path = new URL(phone.url()).pathname.replace("/session/", "/api/sessions/");
    const { items }: { items: { type: string; data: { content: { type: string; mediaType?: string }[] } }[] } = (
      await world.api("GET", `${path}/history`)
    ).body;
    const sent = items.filter(({ type }) => type === "humanMessage").at(-1)?.data.content ?? [];
    assert.deepEqual(
      sent.map(({ type, mediaType }) => mediaType ?? type),
      ["image/png", "image/png", "image/png", "text"],
    );
  });

  test("[WEB-10] messages that wait are put in another order, and taken back into the field; a draft outlives the page; `/` and `@` complete", async () => {
    await begin(phone, world, slowly(200, { say: "This takes its time. ".repeat(40) }));
    await log(phone)
      .getByText(/^This takes its time/)
      .waitFor();
    await say(phone, "and then the tests");
    await say(phone, prompt({ say: "the documents are written" }));
    await phone.getByRole("button", { name: "Do this first" }).click();
    const path = new URL(phone.url()).pathname.replace("/session/", "/api/sessions/");
    const next = async () => {
      const { messages }: { messages: { content: string }[] } = (await world.api("GET", `${path}/queue`)).body;
      return messages[0]?.content;
    };
    while (!(await next())?.includes("the documents")) await phone.waitForTimeout(50);
    await phone.getByRole("button", { name: "Take back" }).first().click();
    await phone.getByText("taken back").waitFor();
    const field = phone.getByLabel("Message to Claude");
    assert.equal(await field.inputValue(), "and then the tests");
    await phone.reload();
    assert.equal(await field.inputValue(), "and then the tests");
    await phone
      .getByRole("log")
      .getByText(/^This takes its time/)
      .waitFor();
    await field.fill("");
    await phone.getByRole("button", { name: "Stop" }).click();
    await log(phone).getByText("the documents are written", { exact: true }).waitFor();
    await isIdle(phone);

    await field.fill("");
    await field.pressSequentially("/compa");
    await phone.getByRole("option", { name: /^\/compact/ }).click();
    assert.equal(await field.inputValue(), "/compact ");
    await field.fill("");
    await writeFile(`${world.place.project}/login.ts`, "export {};\n");
    await field.pressSequentially("see @logi");
    await phone.getByRole("option", { name: "@login.ts" }).waitFor();
    await field.press("Tab");
    assert.equal(await field.inputValue(), "see @login.ts ");
    await field.fill("");
  });

  test("[WEB-11] a server that is killed in mid-turn comes back, and every word stands there once", async () => {
    const words = Array.from({ length: 120 }, (_, i) => `w${i}`).join(" ");
    await begin(phone, world, slowly(40, { say: words }));
    await log(phone)
      .getByText(/^w0 w1 /)
      .waitFor();
    await world.server.stop("SIGKILL");
    await phone.getByText("Connecting to the server.").waitFor();
    await world.startAgain();
    await isIdle(phone);
    assert.equal(await log(phone).getByText(/^w0 /).textContent(), words);
    await say(phone, prompt({ say: "still here" }));
    await log(phone).getByText("still here", { exact: true }).waitFor();
  });

  test("[WEB-12] without a network the app opens with everything that was seen, says how old it is, and catches up without a jump", async (t) => {
    await begin(phone, world, prompt({ say: "seen before the tunnel" }));
    await isIdle(phone);
    const { sessionId, device } = await deviceIn(phone, world);
    await phone.evaluate(() => navigator.serviceWorker.ready);
    // The second time the worker is there for all that the page wants.
    await phone.reload();
    await log(phone).getByText("seen before the tunnel", { exact: true }).waitFor();
    const context = phone.context();
    await context.setOffline(true);
    t.after(() => context.setOffline(false));
    await phone.reload();
    await log(phone).getByText("seen before the tunnel", { exact: true }).waitFor();
    await phone.getByText(/What you see is as of \d/).waitFor();
    await device.send(sessionId, prompt({ say: "said meanwhile" }));
    await context.setOffline(false);
    await log(phone).getByText("said meanwhile", { exact: true }).waitFor();
    assert.equal(await log(phone).getByText("seen before the tunnel", { exact: true }).count(), 1);
    device.close();
  });

  test("[WEB-13] what tools give runs nothing and loads nothing; terminals keep their colours and nothing else", async () => {
    const foreign: string[] = [];
    phone.on("request", (request) => {
      if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(world.server.url))
        foreign.push(request.url());
    });
    const hostile = `printf '\\033[31mred\\033[0m \\033]0;owned\\007<img src=x onerror=document.title=1><script>document.title="owned"</script> \\033[2J\\033[8mhidden'`;
    await begin(phone, world, prompt({ tools: [bash(hostile)] }, { say: "printed" }));
    await log(phone).getByText("printed", { exact: true }).waitFor();
    await log(phone).locator("summary", { hasText: "printf" }).click();
    const terminal = log(phone).locator("pre.terminal");
    await terminal.locator(".term-red", { hasText: "red" }).waitFor();
    const shown = (await terminal.textContent()) ?? "";
    assert.match(shown, /<script>document/);
    assert.ok(!shown.includes("\u001b"));
    assert.notEqual(await phone.title(), "owned");
    assert.equal(await log(phone).locator("script, img").count(), 0);
    assert.deepEqual(foreign, []);
    // What would put markup into the page is refused by the browser itself.
    const refused = await phone.evaluate(() => {
      try {
        document.createElement("div").innerHTML = "<b>x</b>";
        return false;
      } catch {
        return true;
      }
    });
    assert.equal(refused, true);
  });

  test("[WEB-14] what a sub-agent does stands in its card; what it means to do stands over the field", async () => {
    const task = {
      name: "Agent",
      input: {
        description: "look around",
        subagent_type: "general-purpose",
        prompt: prompt({ tools: [bash("ls -a")] }, { say: "the sub-agent looked" }),
      },
    };
    const todos = { name: "TaskCreate", input: { subject: "find the bug", description: "find the bug" } };
    await begin(phone, world, prompt({ tools: [todos] }, { tools: [task] }, { say: "both are done" }));
    await log(phone).getByText("both are done", { exact: true }).waitFor();
    await phone.getByText("0 of 1").waitFor();
    assert.equal(await log(phone).getByText("the sub-agent looked", { exact: true }).count(), 0, "it is folded");
    await log(phone).locator("summary", { hasText: "look around" }).click();
    await log(phone).locator("summary", { hasText: "ls -a" }).waitFor();
  });

  test("[WEB-15] a link leads to its message, also far back; only what is near is on the screen; what was before comes when one looks there", async () => {
    const { device, sessionId } = await world.session();
    for (let i = 0; i < 25; i++)
      await device.send(sessionId, prompt({ say: `answer number ${i}.\n\n${"More of it. ".repeat(40)}` }));
    for (;;) {
      const { session }: { session: { status: string; queuedMessages: number } } = (
        await world.api("GET", `/api/sessions/${sessionId}`)
      ).body;
      if (session.queuedMessages === 0 && session.status === "idle") break;
      await phone.waitForTimeout(100);
    }
    await phone.goto(`${world.server.url}/session/${sessionId}`);
    await log(phone).getByText("answer number 24.").waitFor();
    assert.equal(await log(phone).getByText("answer number 2.").count(), 0);
    await phone.goto(`${world.server.url}/`);
    await phone.getByRole("button", { name: "Search" }).click();
    await phone.getByLabel("Search sessions and what was said").fill("answer number 3");
    await phone
      .getByRole("region", { name: "What was said" })
      .getByText(/^answer number 3\./)
      .click();
    const found = log(phone).getByText("answer number 3.");
    await found.waitFor();
    await phone.waitForTimeout(300);
    const box = await found.boundingBox();
    assert.ok(box && box.y > 0 && box.y < 844, JSON.stringify(box));
    await phone.getByRole("button", { name: "Newest" }).click();
    await log(phone).getByText("answer number 24.").waitFor();
    device.close();
  });

  test("[WEB-23] a prompt that was asked long before what a new device reads is shown there, and can be answered", async () => {
    const { device, sessionId, view } = await world.session();
    await device.send(sessionId, prompt({ tools: [bash("touch long-ago")] }, { say: "it was allowed" }));
    await view.until("permissionRequest", () => true);
    // What is said meanwhile waits for its turn, and stands in the log after it.
    for (let i = 0; i < 450; i++) await device.send(sessionId, `later ${i}`);
    const fresh = await pair(browser, world, "phone");
    await fresh.goto(`${world.server.url}/session/${sessionId}`);
    await log(fresh).getByText("later 449", { exact: true }).waitFor();
    const asks = fresh.getByRole("region", { name: "Claude asks" });
    await asks.getByText("touch long-ago").first().waitFor();
    await asks.getByRole("button", { name: "Allow", exact: true }).click();
    await view.until("toolResult", ({ data }) => !data.isError);
    await asks.waitFor({ state: "detached" });
    await fresh.context().close();
    await device.request("endSession", { sessionId });
    device.close();
  });
});

/** A second device that knows the session on the screen. */
async function deviceIn(page: Page, world: World) {
  const sessionId = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  return { sessionId, device: await world.server.device("another") };
}
