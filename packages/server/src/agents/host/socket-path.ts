import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, join } from "node:path";

const socketPathBytesMax = 100;
const pipes = "\\\\.\\pipe\\";

/** Unix sockets have short names: for a data directory that lies deep, a folder of ours among temporary files. */
export function socketFolderOf(directory: string): string {
  const own = join(directory, "hosts");
  if (Buffer.byteLength(own) + 20 < socketPathBytesMax) return own;
  return join("/tmp", `companion-${userInfo().uid}-${hashOf(own)}`);
}
/** The host's process stands in its socket's name. */
export const socketPathOf = (folder: string, pid: string): string =>
  process.platform === "win32" ? `${pipes}claude-companion-${hashOf(folder)}-${pid}` : join(folder, `${pid}.sock`);
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** The sockets that there are, of hosts that live or were killed. */
export async function socketPathsIn(folder: string): Promise<{ socketPath: string; pid: number }[]> {
  const pattern = new RegExp(`^${basename(socketPathOf(folder, "(\\d+)"))}$`);
  const names = await readdir(process.platform === "win32" ? pipes : folder).catch(() => []);
  return names.flatMap((name) => {
    const pid = pattern.exec(name)?.[1];
    return pid === undefined ? [] : [{ socketPath: socketPathOf(folder, pid), pid: Number(pid) }];
  });
}
