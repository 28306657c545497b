import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { createCompanion, createScriptedProvider, readConfig } from "claude-companion-server";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import type { Row } from "../main.ts";
import { median, rounds } from "./measure.ts";

const dist = fileURLToPath(new URL("../../../packages/web/dist/", import.meta.url));
const token = "bench-token-0123456789";
const turns = 800;
const chrome = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** The web app: what must come before it shows, how fast a long conversation opens and scrolls, and what Lighthouse says. */
export const web: Row = {
  name: "web",
  async run(print) {
    print("| what | figure | target |");
    print("| --- | --- | --- |");
    const { first, all } = scripts();
    print(`| script before a conversation shows, KB gzipped | ${first} | ≤ 200 |`);
    print(`| all scripts, KB gzipped (languages of code come one by one) | ${all} | |`);
    if (chrome === undefined) return print("| no Chromium on this machine | | |");

    const root = mkdtempSync(join(tmpdir(), "companion-bench-"));
    mkdirSync(join(root, "projects"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(root, { recursive: true, force: true }));
    const companion = stack.use(await serve(root));
    const { sessionId, grow } = await longSession(companion.url, join(root, "projects"));
    const args = ["--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"];
    const context = await chromium.launchPersistentContext(join(root, "profile"), {
      executablePath: chrome,
      args,
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
    });
    stack.defer(() => context.close());
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(`${companion.url}/?token=${token}`);
    await page.getByRole("heading", { name: "Sessions" }).waitFor();
    const address = `${companion.url}/session/${sessionId}`;
    // This device is there from the beginning, and keeps all that comes.
    await page.goto(address);
    await grow();
    await page.getByRole("log").getByText(`Step ${turns}`, { exact: true }).waitFor();
    const kept = await openedOften(page, address);
    await context.setOffline(true);
    const offline = await openedOften(page, address);
    await context.setOffline(false);
    const events = await eventsKept(page);
    print(
      `| a conversation of ${events.toLocaleString("en")} events opens from what is kept, ms (median of ${rounds}) | ${median(kept)} | ≤ 1,000 |`,
    );
    print(`| the same without a network, ms | ${median(offline)} | ≤ 1,000 |`);
    const frames = await scrolled(page, address);
    print(`| scrolled through by 900 px a frame: frames over 50 ms of ${frames.count} | ${frames.long} | 0 |`);
    print(`| the same: 95 % of frames within, ms | ${frames.p95} | ≤ 33 |`);
    print(`| elements on the page then | ${frames.elements} | |`);
    for (const [name, path] of [
      ["sessions", "/"],
      ["conversation", `/session/${sessionId}`],
    ] as const)
      print(
        `| Lighthouse, ${name}: accessibility, best practices, performance | ${await lighthouse(context, companion.url + path, root)} | ≥ 95, ≥ 95 |`,
      );
    return undefined;
  },
};

function scripts(): { first: number; all: number } {
  const sizes = new Map(
    readdirSync(join(dist, "assets"))
      .filter((name) => name.endsWith(".js"))
      .map((name) => [name, gzipSync(readFileSync(join(dist, "assets", name))).length]),
  );
  const wanted = new Set(
    [...readFileSync(join(dist, "index.html"), "utf8").matchAll(/\/assets\/([^"]+\.js)/g)].map(
      (found) => found[1] ?? "",
    ),
  );
  for (const name of wanted) {
    const text = readFileSync(join(dist, "assets", name), "utf8");
    for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) wanted.add(other ?? "");
  }
  const kilobytes = (names: Iterable<string>) =>
    Math.round([...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / 1_024);
  return { first: kilobytes(wanted), all: kilobytes(sizes.keys()) };
}

function serve(root: string) {
  const environment = {
    PORT: "0",
    AUTH_TOKEN: token,
    DATA_DIR: join(root, "data"),
    PROJECT_ROOTS: join(root, "projects"),
    LOG_LEVEL: "silent",
    COMMANDS_PER_SECOND: "100000",
  };
  const provider = createScriptedProvider({
    async script(agent, text) {
      const n = Number(text);
      await agent.say(
        `## Step ${n}\n\nI looked at **what there is**, and:\n\n- \`file-${n}.ts\` holds ${n} lines\n- the rest is as it was\n\n\`\`\`ts\nexport const step = ${n};\n\`\`\`\n`,
      );
      agent.useTool("Bash", { command: `npm test -- step-${n}` }, `ok ${n}\n`.repeat(8));
    },
  });
  return createCompanion(readConfig({ flags: {}, file: {}, environment }), { environment: {}, providers: [provider] });
}

async function longSession(url: string, workingDirectory: string) {
  const post = async (path: string, body: object) =>
    (
      await fetch(url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).json() as Promise<{ session: { sessionId: string } }>;
  const { session } = await post("/api/sessions", { workingDirectory, title: "A long one" });
  return {
    sessionId: session.sessionId,
    async grow() {
      for (let turn = 1; turn <= turns; turn++)
        await post(`/api/sessions/${session.sessionId}/messages`, {
          messageId: crypto.randomUUID(),
          content: String(turn),
        });
    },
  };
}

/** From asking for the page until the newest answer stands on it. */
async function opened(page: Page, address: string): Promise<number> {
  const begin = Date.now();
  await page.goto(address, { waitUntil: "commit" });
  await page.locator("[role=log] h2").last().waitFor();
  return Date.now() - begin;
}
async function openedOften(page: Page, address: string): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await page.goto("about:blank");
    took.push(await opened(page, address));
  }
  return took;
}

const eventsKept = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const opening = indexedDB.open("companion-events");
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const all = opening.result.transaction("events").objectStore("events").count();
    await new Promise((resolve) => (all.onsuccess = resolve));
    return all.result;
  });

async function scrolled(page: Page, address: string) {
  await opened(page, address);
  return page.locator("[role=log]").evaluate(async (list) => {
    const frames: number[] = [];
    let last = performance.now();
    for (let i = 0; i < 240; i++) {
      // The app lets go of the end for a hand only.
      list.dispatchEvent(new WheelEvent("wheel"));
      list.scrollBy(0, i < 120 ? -900 : 900);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    frames.sort((a, b) => a - b);
    return {
      count: frames.length,
      long: frames.filter((frame) => frame > 50).length,
      p95: Math.round(frames[Math.floor(frames.length * 0.95)] ?? 0),
      elements: document.querySelectorAll("*").length,
    };
  });
}

/** Lighthouse is fetched by npx when it is not there: it is too large to be part of every installation. */
async function lighthouse(context: BrowserContext, url: string, root: string): Promise<string> {
  const port = /^(\d+)/.exec(readFileSync(join(root, "profile", "DevToolsActivePort"), "utf8"))?.[1];
  for (const page of context.pages()) await page.goto("about:blank");
  const file = join(root, "lighthouse.json");
  const flags = ["--quiet", `--port=${port}`, "--disable-storage-reset", "--output=json", `--output-path=${file}`];
  const only = "--only-categories=accessibility,best-practices,performance";
  const failure = await new Promise<string | undefined>((resolve) =>
    execFile("npx", ["--yes", "lighthouse@13", url, ...flags, only], { timeout: 180_000 }, (error, _out, said) =>
      resolve(error ? said.split("\n").findLast((line) => line !== "") || error.message : undefined),
    ),
  );
  if (failure !== undefined) return `not run (${failure})`;
  const { categories }: { categories: Record<string, { score: number }> } = JSON.parse(readFileSync(file, "utf8"));
  return ["accessibility", "best-practices", "performance"]
    .map((name) => Math.round((categories[name]?.score ?? 0) * 100))
    .join(", ");
}
