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

type Entries = z.infer<typeof Entry>[];
/** Path to the name of its copy; null where there was no file. */
type Copies = Map<string, string | null>;
interface Place {
  configDirectory: string;
  conversationId: string;
}

/**
 * What taking files back to a message changes, as a unified diff, from the copies that the CLI keeps (its file history, which
 * is not documented: seen with 2.1.331).
 * @param about.files absolute paths of the files that differ
 * @returns undefined when the copies are not found
 */
export async function rewindDiff(
  about: Place & { messageId: string; files: readonly string[] },
): Promise<string | undefined> {
  const copies = copiesAt(await entriesOf(about), about.messageId);
  const parts: string[] = [];
  for (const file of about.files) {
    const copy = copies?.get(file);
    if (copy === undefined) return undefined;
    parts.push(patchOf(file, await textOf(file), await textOfCopy(about, copy), ["now", "then"]));
  }
  return cut(parts.join(""));
}

/**
 * What changed from a message to the next one, or until now, in the files that the agent edited.
 * @returns undefined when nothing was kept at this message
 */
export async function turnDiff(
  about: Place & { messageId: string },
): Promise<{ files: string[]; diff: string } | undefined> {
  const entries = await entriesOf(about);
  const before = copiesAt(entries, about.messageId);
  if (before === undefined) return undefined;
  const messages = entries.flatMap((entry) => (entry.type === "file-history-delta" ? [] : [entry.snapshot.messageId]));
  const next = messages.slice(messages.lastIndexOf(about.messageId) + 1)[0];
  const after = next === undefined ? undefined : copiesAt(entries, next);
  const files: string[] = [];
  const parts: string[] = [];
  for (const [file, copy] of before) {
    // A file that nobody edited since the next message is now as it was then.
    const later = after?.get(file);
    const then = await textOfCopy(about, copy);
    const now = later === undefined ? await textOf(file) : await textOfCopy(about, later);
    if (then === now && then !== undefined) continue;
    files.push(file);
    parts.push(patchOf(file, then, now, ["before", "after"]));
  }
  return { files, diff: cut(parts.join("")) };
}

const cut = (diff: string): string =>
  diff.length > charactersMax ? `${diff.slice(0, charactersMax)}\n… (${diff.length} characters)\n` : diff;

const patchOf = (file: string, from: string | undefined, to: string | undefined, names: [string, string]): string =>
  from === undefined || to === undefined
    ? `Files ${file} differ, or are too long or no text.\n`
    : createTwoFilesPatch(file, file, from, to, ...names);

async function entriesOf({ configDirectory, conversationId }: Place): Promise<Entries> {
  const transcript = await transcriptOf(configDirectory, conversationId);
  const entries: Entries = [];
  if (transcript === undefined) return entries;
  for await (const line of createInterface({ input: createReadStream(transcript) })) {
    if (!line.startsWith('{"type":"file-history-')) continue;
    const { data } = Entry.safeParse(parseJson(line));
    if (data !== undefined) entries.push(data);
  }
  return entries;
}

/** Of each file the first copy that was made from the message on is as it was at the message. */
function copiesAt(entries: Entries, messageId: string): Copies | undefined {
  let copies: Copies | undefined;
  const note = (path: string, { backupFileName, realParentDir }: z.infer<typeof Backup>) => {
    const absolute = realParentDir === undefined ? path : join(realParentDir, basename(path));
    if (copies?.has(absolute) === false) copies.set(absolute, backupFileName);
  };
  for (const entry of entries) {
    if (entry.type === "file-history-delta") note(entry.trackingPath, entry.backup);
    else {
      if (entry.snapshot.messageId === messageId) copies = new Map();
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

const textOfCopy = async ({ configDirectory, conversationId }: Place, copy: string | null) =>
  copy === null ? "" : textOf(join(configDirectory, "file-history", conversationId, copy));

/** Undefined for what is too long or no text; empty for what is not there. */
async function textOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return "";
  if (found.size > fileBytesMax) return undefined;
  const bytes = await readFile(path);
  return bytes.includes(0) ? undefined : bytes.toString("utf8");
}
