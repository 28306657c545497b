// Installs what the checkout needs, once: plain JavaScript, because it runs before Node 24 is there (Node >= 20).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".setup-stamp");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(`${process.platform}-${process.arch}`)
  .digest("hex");

const isInstalled = existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
if (!isInstalled) install();
buildWeb();

function install() {
  console.error("Installing dependencies (once; about a minute) ...");
  // The machine's own Node must run npm: inside an npm script the PATH may name the very Node that npm is about to replace.
  const npm = process.env.npm_execpath;
  const command = npm ? [process.execPath, npm, "ci"] : ["npm", "ci"];
  const result = spawnSync(command[0], command.slice(1), {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: !npm && process.platform === "win32",
  });
  if (result.status !== 0) {
    console.error("\nnpm ci failed. Check the network and the disk, then run the same command again.");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** The web app is built again when something that it is made of is newer than what was built. */
function buildWeb() {
  const web = join(root, "packages", "web");
  const made = join(web, "dist", "index.html");
  const parts = ["packages/web/src", "packages/web/public", "packages/client/src", "packages/protocol/src"].flatMap(
    (directory) =>
      readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  const newest = Math.max(
    ...[...parts, join(web, "index.html"), join(web, "vite.config.ts"), stamp].map((path) => statSync(path).mtimeMs),
  );
  if (existsSync(made) && statSync(made).mtimeMs >= newest) return;
  const node = join(root, "node_modules", ".bin", "node");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const built = spawnSync(node, [vite, "build", "--logLevel", "warn"], { cwd: web, stdio: ["ignore", 2, 2] });
  if (built.status === 0) return;
  console.error("\nThe web app could not be built. What went wrong stands above.");
  process.exit(1);
}
