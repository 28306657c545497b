// Makes the pictures of the documents, and the icons of the app, from the running product: `npm run screenshots`.
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { pair } from "./kit/app.ts";
import { startBrowser } from "./kit/chromium.ts";
import { prompt } from "./kit/directive.ts";
import { startModel } from "./kit/model.ts";
import { startWorld, type World } from "./kit/world.ts";

const images = fileURLToPath(new URL("../docs/images/", import.meta.url));
const icons = fileURLToPath(new URL("../packages/web/public/", import.meta.url));

await mkdir(images, { recursive: true });
await using model = await startModel();
await using world = await startWorld(model);
const browser = await startBrowser();
await makeIcons(browser);
const shown = await furnish(world);
for (const screen of ["phone", "desktop"] as const)
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await pair(browser, world, screen, { colorScheme, deviceScaleFactor: 2 });
    const picture = async (name: string) => {
      await page.waitForTimeout(800);
      await page.screenshot({ path: `${images}${name}-${screen}-${colorScheme}.png` });
    };
    const open = (path: string) => page.goto(`${world.server.url}${path}`);
    await page.getByText("Write a haiku").first().waitFor();
    await picture("inbox");
    await open(`/session/${shown.asking}`);
    await page.getByRole("region", { name: "Claude asks" }).waitFor();
    await picture("conversation");
    await open(`/session/${shown.working}`);
    await openCards(page);
    await picture("tools");
    await open(`/session/${shown.working}/changes`);
    await page.getByRole("region").first().waitFor();
    await picture("changes");
    await open("/dashboard");
    await page
      .getByRole("img", { name: /newest/ })
      .first()
      .waitFor();
    await picture("dashboard");
    await open("/new");
    await page.getByLabel("Directory").waitFor();
    await picture("new");
    await page.context().close();
  }
await browser.close();

/** Sessions that look like work. @returns the one that asks, and one that shows what tools look like */
async function furnish({ server, place }: World): Promise<{ asking: string; working: string }> {
  const git = (...args: string[]) => execFileSync("git", ["-C", place.project, ...args]);
  git("init", "-q", "-b", "main");
  git("config", "user.email", "ada@example.org");
  git("config", "user.name", "Ada");
  const login = "export function login(name: string): boolean {\n  return name !== '';\n}\n";
  await writeFile(`${place.project}/login.ts`, login);
  git("add", ".");
  git("commit", "-qm", "Begin");
  const device = await server.device("Laptop");
  async function begin(title: string, said: string): Promise<string> {
    const { session } = await device.request("createSession", { workingDirectory: place.project, reuse: false, title });
    await device.send(session.sessionId, said);
    return session.sessionId;
  }
  const working = await begin("Names of blanks are no names", "A name of nothing but blanks gets in. Keep it out.");
  await device.connected();
  const asks = new Promise<void>((resolve) => {
    device.watchSessions((sessions) => {
      const request = sessions.find(({ sessionId }) => sessionId === working)?.pendingPermissions[0];
      if (request === undefined) return;
      device.respond(working, request.permissionId, { decision: "allow" }).then(
        () => resolve(),
        () => {},
      );
    });
  });
  await asks;
  await begin("What is the time?", "What is the time?");
  const question = {
    name: "AskUserQuestion",
    input: {
      questions: [
        {
          question: "Which database?",
          header: "Database",
          multiSelect: false,
          options: [
            { label: "SQLite", description: "one file, nothing to run" },
            { label: "PostgreSQL", description: "several nodes" },
          ],
        },
      ],
    },
  };
  await begin("Choose a database", prompt({ tools: [question] }, { say: "Then that." }));
  const asking = await begin("Write a haiku", "Write a haiku into haiku.txt");
  await new Promise<void>((resolve) => {
    device.watchSessions((sessions) => {
      if (sessions.filter(({ pendingPermissions }) => pendingPermissions.length > 0).length === 3) resolve();
    });
  });
  return { asking, working };
}

async function openCards(page: Page): Promise<void> {
  await page.getByRole("log").getByText("both", { exact: true }).waitFor();
  for (const name of ["printf", "login.ts"])
    await page.getByRole("log").locator("summary", { hasText: name }).last().click();
}

/** The icon in the sizes that phones want; the maskable one is drawn to the edge. */
async function makeIcons(from: Browser): Promise<void> {
  const svg = await readFile(`${icons}icon.svg`, "utf8");
  const page = await from.newPage();
  for (const [name, size, source] of [
    ["icon-192", 192, svg],
    ["icon-512", 512, svg],
    ["icon-maskable-512", 512, svg.replace(' rx="112"', "")],
    ["icon-apple-180", 180, svg.replace(' rx="112"', "")],
  ] as const) {
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px}</style>${source}`);
    await page.screenshot({ path: `${icons}${name}.png`, omitBackground: true });
  }
  await page.close();
}
