import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { begin, pair, problems } from "./kit/app.ts";
import { noBrowser, startBrowser } from "./kit/chromium.ts";
import { prompt } from "./kit/directive.ts";
import { outputOf } from "./kit/lines.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startClaude } from "./kit/terminal.ts";
import { startWorld, type World } from "./kit/world.ts";

describe("the screens of the web app, the real Claude CLI", { skip: noBrowser }, () => {
  let model: Model;
  let browser: Browser;
  let world: World;
  let phone: Page;
  let desk: Page;
  before(async () => {
    model = await startModel();
    browser = await startBrowser();
    world = await startWorld(model);
    phone = await pair(browser, world, "phone");
    desk = await pair(browser, world, "desktop", { colorScheme: "dark" });
  });
  after(async () => {
    await browser.close();
    await world[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });
  const at = (path: string) => `${world.server.url}${path}`;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.email=ada@example.org", "-c", "user.name=Ada", ...args], {
      cwd: world.place.project,
      encoding: "utf8",
    });

  test("[WEB-16] files open from the tree; what changed is staged, committed and discarded, and stands there as a diff", async () => {
    const { project } = world.place;
    git("init", "-q", "-b", "main");
    git("config", "user.email", "ada@example.org");
    git("config", "user.name", "Ada");
    await mkdir(`${project}/src`);
    await writeFile(`${project}/src/login.ts`, "export const user = 1;\n");
    git("add", ".");
    git("commit", "-qm", "begin");
    await writeFile(`${project}/notes.txt`, "throw me away\n");
    const edit = {
      name: "Write",
      input: { file_path: `${project}/made.ts`, content: "export const made = true;\n" },
    };
    await begin(phone, world, prompt({ tools: [edit] }, { say: "written" }));
    await phone
      .getByRole("region", { name: "Claude asks" })
      .getByRole("button", { name: "Allow", exact: true })
      .click();
    await phone.getByRole("log").getByText("written", { exact: true }).waitFor();
    await writeFile(`${project}/src/login.ts`, "export const user = 2;\n");

    await phone.getByRole("button", { name: "Files and changes" }).click();
    await phone.getByRole("region", { name: "src/login.ts" }).getByText("export const user = 2;").waitFor();
    assert.deepEqual(await problems(phone), []);
    await phone.getByRole("checkbox", { name: /login\.ts/ }).check();
    await phone.getByRole("textbox", { name: "Commit message" }).fill("Two users");
    await phone.getByRole("button", { name: "Commit", exact: true }).click();
    await phone.getByText(/Committed as/).waitFor();
    assert.match(git("log", "-1", "--format=%s"), /Two users/);
    const notes = phone.getByRole("listitem").filter({ hasText: "notes.txt" });
    await notes.getByRole("button", { name: "Discard" }).click();
    await notes.getByRole("button", { name: "Really?" }).click();
    await phone.getByText(/notes\.txt is gone/).waitFor();
    await assert.rejects(readFile(`${project}/notes.txt`));
    await phone.getByRole("button", { name: "Last turn" }).click();
    await phone.getByText("export const made = true;").waitFor();

    await phone.getByRole("button", { name: "All files" }).click();
    await phone.getByRole("button", { name: "folder src" }).click();
    await phone.getByRole("button", { name: /login\.ts/ }).click();
    await phone.getByText("export const user = 2;").waitFor();
    assert.match(phone.url(), /\/files\/src\/login\.ts$/);
    await phone.goBack();
    await phone.getByRole("button", { name: /login\.ts/ }).waitFor();
  });

  test("[WEB-17] devices are listed, named, and taken back at once; a code lets the next one in", async () => {
    await phone.goto(at("/devices"));
    await phone.getByRole("button", { name: "Show a code" }).click();
    const code = await phone.locator("b", { hasText: /^[A-Z0-9]{4}-[A-Z0-9]{4}$/ }).textContent();
    const context = await browser.newContext();
    const third = await context.newPage();
    await third.goto(at("/"));
    await third.getByLabel("Code or token").fill((code ?? "").toLowerCase());
    await third.getByRole("button", { name: "Enter" }).click();
    await third.getByRole("heading", { name: "Sessions" }).waitFor();
    await third.goto(at("/devices"));
    const own = third.getByRole("listitem").filter({ hasText: "This device" });
    await own.getByLabel("Name of the device").fill("Kitchen tablet");
    await own.getByLabel("Name of the device").press("Enter");

    await phone.reload();
    const field = phone.locator('input[value="Kitchen tablet"]');
    await field.waitFor();
    const other = phone.getByRole("listitem").filter({ has: field });
    await other.getByText(/Last seen just now/).waitFor();
    await other.getByRole("button", { name: "Take back" }).click();
    await other.getByRole("button", { name: "Really?" }).click();
    await third.getByLabel("Code or token").waitFor();
    const kept = await third.evaluate(async () => {
      const opening = indexedDB.open("companion-events");
      await new Promise((resolve) => (opening.onsuccess = resolve));
      const all = opening.result.transaction("events").objectStore("events").count();
      await new Promise((resolve) => (all.onsuccess = resolve));
      return all.result;
    });
    assert.equal(kept, 0, "nothing of what was said stays on it");
    await context.close();
  });

  test("[WEB-18] the dashboard shows states, health, cost and history; settings and every other screen have no serious problem for those who cannot see or point", async () => {
    for (const page of [phone, desk]) {
      await page.goto(at("/dashboard"));
      await page.getByRole("region", { name: "Health" }).waitFor();
      await page.getByRole("heading", { name: "Cost, as the agents say" }).waitFor();
      await page.getByText(/\d+ turns/).waitFor();
      await page
        .getByRole("img", { name: /newest/ })
        .first()
        .waitFor({ timeout: 60_000 });
      assert.deepEqual(await problems(page), []);
      for (const path of ["/settings", "/devices", "/new", "/terminals", "/"]) {
        await page.goto(at(path));
        await page.waitForLoadState("networkidle");
        assert.deepEqual(await problems(page), [], path);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
      }
    }
  });

  test("[WEB-22] a session that is none is told as such; a row that a finger moves to the left is archived; text of twice the size fits", async () => {
    await phone.goto(at(`/session/${crypto.randomUUID()}`));
    await phone
      .getByRole("alert")
      .getByText(/no session/i)
      .waitFor();
    const { session }: { session: { sessionId: string } } = (
      await world.api("POST", "/api/sessions", {
        workingDirectory: world.place.project,
        reuse: false,
        title: "Swipe me",
      })
    ).body;
    await phone.goto(at("/"));
    const row = phone.getByRole("button", { name: /Swipe me/ });
    await row.waitFor();
    const box = (await row.boundingBox()) ?? assert.fail("it is not there");
    const finger = await phone.context().newCDPSession(phone);
    const y = box.y + box.height / 2;
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", x?: number) =>
      finger.send("Input.dispatchTouchEvent", { type, touchPoints: x === undefined ? [] : [{ x, y }] });
    await touch("touchStart", 350);
    for (let x = 340; x >= 200; x -= 10) await touch("touchMove", x);
    await touch("touchEnd");
    await row.waitFor({ state: "detached" });
    const found: { session: { archived: boolean } } = (await world.api("GET", `/api/sessions/${session.sessionId}`))
      .body;
    assert.equal(found.session.archived, true);
    for (const path of ["/", "/settings", "/dashboard", "/new"]) {
      await phone.goto(at(path));
      await phone.evaluate(() => {
        document.documentElement.style.fontSize = "200%";
      });
      await phone.waitForTimeout(200);
      const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
    }
  });

  test("[WEB-19] name, tags, mode and effort are changed from the conversation; what is archived is found in the archive", async () => {
    await begin(desk, world, prompt({ say: "hello" }));
    await desk.getByRole("log").getByText("hello", { exact: true }).waitFor();
    const about = desk.getByRole("complementary", { name: "About this session" });
    await about.getByLabel("Name").fill("The login");
    await about.getByLabel("Name").press("Enter");
    await desk.getByRole("heading", { name: "The login" }).waitFor();
    await about.getByLabel(/Tags/).fill("urgent, web");
    await about.getByLabel(/Tags/).press("Enter");
    await about.getByLabel("What Claude may do").selectOption("plan");
    await about.getByLabel("Effort").selectOption("low");
    await about.getByText(/of .* tokens/).waitFor();
    const id = new URL(desk.url()).pathname.split("/").at(-1);
    const now = async () => {
      const { session }: { session: Record<string, unknown> } = (await world.api("GET", `/api/sessions/${id}`)).body;
      return [session.title, session.tags, session.permissionMode, session.effort];
    };
    const wanted = JSON.stringify(["The login", ["urgent", "web"], "plan", "low"]);
    while (JSON.stringify(await now()) !== wanted) await desk.waitForTimeout(50);
    await about.getByRole("button", { name: "Archive" }).click();
    const sessions = desk.getByRole("complementary", { name: "Sessions" });
    await sessions.getByText("The login").waitFor({ state: "detached" });
    await sessions.getByRole("button", { name: "Archive" }).click();
    await sessions.getByText("The login").waitFor();
    await about.getByRole("button", { name: "Back into the list" }).click();
    await sessions.getByRole("button", { name: "Leave the archive" }).click();
    await sessions.getByText("The login").waitFor();
  });

  test("[WEB-20] what was begun in a terminal is found, and goes on here", async () => {
    const child = startClaude(world.place, ["-p", prompt({ say: "said in a terminal" })]);
    child.stdin.end();
    const [said, exit] = await outputOf(child);
    assert.equal(exit, 0, said);
    await phone.goto(at("/terminals"));
    await phone
      .getByRole("button", { name: /said in a terminal/ })
      .first()
      .click();
    await phone.getByRole("log").getByText("said in a terminal", { exact: true }).waitFor();
  });
});
