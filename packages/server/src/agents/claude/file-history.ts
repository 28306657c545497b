import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { createTwoFilesPatch } from "diff";
import { z } from "zod";
import { parseJson } from "../../parse-json.ts";

const fileBytesMax = 1_000_000;
const charactersMax = 400_000;

/** A copy of a file from before it was edited. Without a name: there was no such file. */
const Backup = z.object({ backupFileName: z.string().nullable(), realParentDir: z.string().optional() });
/** What the CLI notes in its transcript: all copies at a message, or one that was made since. */
const Entry = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("file-history-snapshot"),
    snapshot: z.object({ messageId: z.string(), trackedFileBackups: z.record(z.string(), Backup) }),
  }),
  z.object({ type: z.literal("file-history-delta"), trackingPath: z.string(), backup: Backup }),
]);

/**
 * What taking files back to a message changes, as a unified diff, from the copies that the CLI keeps (its file history, which
 * is not documented: seen with 2.1.331).
 * @param about.files absolute paths of the files that differ
 * @returns undefined when the copies are not found
 */
export async function rewindDiff(about: {
  configDirectory: string;
  conversationId: string;
  messageId: string;
  files: readonly string[];
}): Promise<string | undefined> {
  const { configDirectory, conversationId, files } = about;
  const copies = await copiesAt(about);
  if (copies === undefined) return undefined;
  const parts: string[] = [];
  for (const file of files) {
    const copy = copies.get(file);
    if (copy === undefined) return undefined;
    const place = copy === null ? undefined : join(configDirectory, "file-history", conversationId, copy);
    const [now, then] = await Promise.all([textOf(file), place === undefined ? "" : textOf(place)]);
    parts.push(
      now === undefined || then === undefined
        ? `Files ${file} differ, and are too long or no text.\n`
        : createTwoFilesPatch(file, file, now, then, "now", "then"),
    );
  }
  const diff = parts.join("");
  return diff.length > charactersMax ? `${diff.slice(0, charactersMax)}\n… (${diff.length} characters)\n` : diff;
}

/** Path to the name of its copy, null where there was no file. The first that was noted from the message on is the one. */
async function copiesAt(about: {
  configDirectory: string;
  conversationId: string;
  messageId: string;
}): Promise<Map<string, string | null> | undefined> {
  const transcript = await transcriptOf(about.configDirectory, about.conversationId);
  if (transcript === undefined) return undefined;
  let copies: Map<string, string | null> | undefined;
  const note = (path: string, { backupFileName, realParentDir }: z.infer<typeof Backup>) => {
    const absolute = realParentDir === undefined ? path : join(realParentDir, basename(path));
    if (copies?.has(absolute) === false) copies.set(absolute, backupFileName);
  };
  for await (const line of createInterface({ input: createReadStream(transcript) })) {
    if (!line.startsWith('{"type":"file-history-')) continue;
    const { data: entry } = Entry.safeParse(parseJson(line));
    if (entry === undefined) continue;
    if (entry.type === "file-history-delta") note(entry.trackingPath, entry.backup);
    else {
      if (entry.snapshot.messageId === about.messageId) copies = new Map();
      for (const [path, backup] of Object.entries(entry.snapshot.trackedFileBackups)) note(path, backup);
    }
  }
  return copies;
}

/** Where the CLI keeps what was said. */
export async function transcriptOf(configDirectory: string, conversationId: string): Promise<string | undefined> {
  const projects = join(configDirectory, "projects");
  for (const project of await readdir(projects).catch(() => [])) {
    const path = join(projects, project, `${conversationId}.jsonl`);
    if (await stat(path).catch(() => undefined)) return path;
  }
  return undefined;
}

/** Undefined for what is too long or no text; empty for what is not there. */
async function textOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return "";
  if (found.size > fileBytesMax) return undefined;
  const bytes = await readFile(path);
  return bytes.includes(0) ? undefined : bytes.toString("utf8");
}
