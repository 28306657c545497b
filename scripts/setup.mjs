// Installs what the checkout needs, once: plain JavaScript, because it runs before Node 24 is there (Node >= 20).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".setup-stamp");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(`${process.platform}-${process.arch}`)
  .digest("hex");

if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) process.exit(0);

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
