import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../parse-json.ts";

const ServerFile = z.object({ url: z.url(), deviceUrl: z.url().optional(), token: z.string(), pid: z.int() });
const pathIn = (dataDirectory: string) => join(dataDirectory, "server.json");

/** Where the server of a data directory is and how to log in: for commands of the same user on the same machine. */
export type ServerFile = z.infer<typeof ServerFile>;

/** Only the user can read it: it holds the token. */
export async function writeServerFile(dataDirectory: string, content: ServerFile): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  await writeFile(pathIn(dataDirectory), JSON.stringify(content), { mode: 0o600 });
}

/** Undefined when no server has written one, or it is unreadable. It may be left over from a server that crashed. */
export async function readServerFile(dataDirectory: string): Promise<ServerFile | undefined> {
  const text = await readFile(pathIn(dataDirectory), "utf8").catch(() => "null");
  const parsed = ServerFile.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

export async function removeServerFile(dataDirectory: string): Promise<void> {
  await rm(pathIn(dataDirectory), { force: true });
}
