import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import type { World } from "./world.ts";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What people hold, and what stands on their desk. */
export const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } } as const;
export type ScreenName = keyof typeof screens;

/** A browser of its own that the server knows, by the address that a code was shown with. */
export async function pair(browser: Browser, world: World, screen: ScreenName, more: object = {}): Promise<Page> {
  const { code }: { code: string } = (await world.api("POST", "/api/pairing")).body;
  const context = await browser.newContext({
    viewport: screens[screen],
    isMobile: screen === "phone",
    hasTouch: screen === "phone",
    ...more,
  });
  const page = await context.newPage();
  await page.goto(`${world.server.url}/#pair=${code}`);
  await page.getByRole("heading", { name: "Sessions" }).waitFor();
  assert.ok(!page.url().includes(code), "the code leaves the address");
  return page;
}

/** A session that begins with a message, on the screen. */
export async function begin(page: Page, world: World, message: string): Promise<void> {
  await page.goto(`${world.server.url}/new`);
  await page.getByLabel("Directory").fill(world.place.project);
  await page.getByLabel("First message").fill(message);
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.waitForURL(/\/session\//);
}

/** The next message. */
export async function say(page: Page, message: string): Promise<void> {
  await page.getByLabel("Message to Claude").fill(message);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Serious problems that an accessibility check finds. */
export async function problems(page: Page): Promise<string[]> {
  // The page's own policy lets no script in but ours: it is put in from outside.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const found = await session.send("Runtime.evaluate", {
    expression: `axe.run().then(({ violations }) => JSON.stringify(violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => id + ": " + nodes[0].html)))`,
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(String(found.result.value));
}
