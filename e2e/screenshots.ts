// Makes the pictures of the documents from the running product: `npm run screenshots`.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { startBrowser } from "./kit/chromium.ts";
import { startModel } from "./kit/model.ts";
import { startWorld } from "./kit/world.ts";

const images = fileURLToPath(new URL("../docs/images/", import.meta.url));
const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } } as const;

await mkdir(images, { recursive: true });
await using model = await startModel();
await using world = await startWorld(model);
const browser = await startBrowser();

const device = await world.server.device("desk");
let last = "";
for (const said of ["What is the time?", "Ask me a question", "Write a haiku into haiku.txt"]) {
  const { session } = await device.request("createSession", { workingDirectory: world.place.project, reuse: false });
  last = session.sessionId;
  await device.send(last, said);
}
const waiting = new Promise<void>((resolve) => {
  device.watchSessions((sessions) => {
    if (sessions.find(({ sessionId }) => sessionId === last)?.pendingPermissions.length) resolve();
  });
});
await waiting;

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(700);
  await page.screenshot({ path: `${images}${name}.png` });
}
for (const [screen, viewport] of Object.entries(screens))
  for (const colorScheme of ["light", "dark"] as const) {
    const { code }: { code: string } = (await world.api("POST", "/api/pairing")).body;
    const context = await browser.newContext({
      viewport,
      colorScheme,
      deviceScaleFactor: 2,
      isMobile: screen === "phone",
      hasTouch: screen === "phone",
    });
    const page = await context.newPage();
    await page.goto(`${world.server.url}/#pair=${code}`);
    await page.getByText("Write a haiku").first().waitFor();
    await picture(page, `inbox-${screen}-${colorScheme}`);
    await page.goto(`${world.server.url}/session/${last}`);
    await page.getByRole("region", { name: "Claude asks" }).waitFor();
    await picture(page, `conversation-${screen}-${colorScheme}`);
    await page.goto(`${world.server.url}/new`);
    await page.getByLabel("Directory").waitFor();
    await picture(page, `new-${screen}-${colorScheme}`);
    await context.close();
  }
await browser.close();
