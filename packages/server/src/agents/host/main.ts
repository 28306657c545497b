// The agent host as a process of its own: `main.ts <folder of sockets> <directory> <version> <idle ms>`. Started by the server,
// outlives it. Imports nothing but node: and its own few files, all of them now: an upgrade may replace them on disk.
import { rmSync } from "node:fs";
import { openAgentHost } from "./host.ts";
import { socketPathOf } from "./socket-path.ts";

const [folder = "", directory = "", version = "", idleMs = "30000"] = process.argv.slice(2);
const socketPath = socketPathOf(folder, String(process.pid));
// One of the same name was left by a process that is gone: its number is ours now.
if (process.platform !== "win32") rmSync(socketPath, { force: true });
// It has no terminal; whoever started it may go.
process.on("SIGHUP", () => {});
process.on("SIGINT", () => {});
const host = await openAgentHost({
  socketPath,
  directory,
  version,
  idleMs: Number(idleMs),
  limits: { memoryBytes: 8 * 1024 * 1024, diskBytes: 2 * 1024 * 1024 * 1024 },
});
process.on("SIGTERM", () => void host.close());
await host.closed;
if (process.platform !== "win32") rmSync(socketPath, { force: true });
