import { createHash } from "node:crypto";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CompanionError, type Content } from "@claude-companion/protocol";
import type { AgentContent } from "../agents/index.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import { isScheduled, type Records, type UploadRecord } from "../records/index.ts";
import { createBlocks } from "./blocks.ts";
import { mediaTypeOf, refuseFalseType } from "./media-type.ts";

/** Files that people give, to be sent along with messages. They lie below one directory, each in a folder of its own. */
export interface Uploads {
  /**
   * Takes a file. Resolves once it would survive a power cut; the same id again gives what is there.
   * @param file.mediaType what it is said to be; undefined: nothing was said
   * @throws CompanionError `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST` when it is not what it is said to be, `STORAGE_FAILED`
   */
  add(
    user: string,
    file: { uploadId: string; name: string; mediaType: string | undefined; bytes: AsyncIterable<Uint8Array> },
  ): Promise<{ upload: UploadRecord; isNew: boolean }>;
  /** @throws CompanionError `NOT_FOUND` */
  find(user: string, uploadId: string): Promise<UploadRecord>;
  /** Where its bytes lie. */
  pathOf(upload: UploadRecord): string;
  /** A user's, the newest first. */
  list(user: string): Promise<UploadRecord[]>;
  /** How much more fits. */
  readonly bytesLeft: number;
  /** How much one file may have. */
  readonly bytesMaxEach: number;
  /** Deletes one. @throws CompanionError `NOT_FOUND`, `CONFLICT` while a message waits with it */
  remove(user: string, uploadId: string): Promise<void>;
  /**
   * A message as it is kept: what was uploaded is named, and stays for its time from now on.
   * @throws CompanionError `NOT_FOUND`
   */
  attach(user: string, content: Content): Promise<Content>;
  /** A message as an agent takes it: pictures and texts as such, other files by where they lie. */
  read(user: string, content: Content): Promise<AgentContent>;
  /** What agents of this user may read besides their project. It exists. */
  directoryOf(user: string): Promise<string>;
  /** Deletes what is past its time, but for what messages wait with. */
  expire(): Promise<void>;
}

/** True when some of it was uploaded before. */
export const hasUploads = (content: Content): boolean =>
  typeof content !== "string" && content.some((block) => block.type === "upload");

/**
 * @param options.directory theirs alone
 * @param options.limits bytes of one file, bytes of all, and how long one stays that no message holds
 */
export async function createUploads(options: {
  directory: string;
  records: Pick<Records, "uploads" | "messages" | "schedules">;
  clock: Pick<Clock, "now">;
  limits: { bytesMaxEach: number; bytesMax: number; expireAfterMs: number };
}): Promise<Uploads> {
  const { directory, records, clock, limits } = options;
  const kept = await records.uploads.list();
  /** Of all files, also of those that are just coming. */
  let bytesHeld = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  /** What is coming: nobody else may bring it at the same time. */
  const coming = new Set<string>();
  await removeLeftovers();

  const homeOf = (user: string) => join(directory, createHash("sha256").update(user).digest("hex").slice(0, 16));
  const folderOf = (user: string, uploadId: string) => join(homeOf(user), uploadId);
  /** Files that came while the last server was killed have no record. */
  async function removeLeftovers(): Promise<void> {
    const known = new Set(kept.map(({ uploadId }) => uploadId));
    for (const home of await readdir(directory).catch(() => []))
      for (const uploadId of await readdir(join(directory, home)).catch(() => []))
        if (!known.has(uploadId)) await rm(join(directory, home, uploadId), { recursive: true, force: true });
  }
  /** @returns how many bytes it has */
  async function write(path: string, bytes: AsyncIterable<Uint8Array>, count: (more: number) => void): Promise<void> {
    await using file = await open(path, "wx", 0o600);
    for await (const piece of bytes) {
      count(piece.length);
      await file.writeFile(piece);
    }
    await file.sync();
  }
  /** Ids of what messages wait with. */
  async function held(): Promise<Set<string>> {
    const scheduled = (await records.schedules.list()).filter(isScheduled);
    const waiting = [...(await records.messages.list()), ...scheduled];
    const blocks = waiting.flatMap(({ content }) => (typeof content === "string" ? [] : content));
    return new Set(blocks.flatMap((block) => (block.type === "upload" ? [block.uploadId] : [])));
  }
  async function erase(upload: UploadRecord): Promise<void> {
    // The record first: a file without one is cleared away at the next start.
    await records.uploads.remove(upload.uploadId);
    bytesHeld -= upload.bytes;
    await rm(folderOf(upload.user, upload.uploadId), { recursive: true, force: true });
  }
  const uploads: Uploads = {
    async add(user, { uploadId, name, mediaType: said, bytes }) {
      const known = await records.uploads.find(uploadId);
      if (known !== undefined && known.user !== user)
        throw new CompanionError("CONFLICT", "This upload id is taken. Choose another UUID.");
      if (known !== undefined) return { upload: known, isNew: false };
      if (coming.has(uploadId))
        throw new CompanionError("CONFLICT", "This upload is just coming in another request. Wait for that one.");
      coming.add(uploadId);
      const folder = folderOf(user, uploadId);
      let size = 0;
      function count(more: number): void {
        size += more;
        bytesHeld += more;
        if (size > limits.bytesMaxEach)
          throw tooLarge(
            `A file may have ${megabytes(limits.bytesMaxEach)} MB (UPLOAD_MEGABYTES). Send a smaller one.`,
          );
        if (bytesHeld > limits.bytesMax)
          throw tooLarge(
            `All uploaded files together may take ${megabytes(limits.bytesMax)} MB (UPLOADS_MEGABYTES). Delete some that are no longer needed: GET /api/uploads lists them.`,
          );
      }
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const safe = safeName(name);
        await write(join(folder, safe), bytes, count);
        if (size === 0) throw new CompanionError("INVALID_REQUEST", "The file is empty. Send its bytes as the body.");
        const mediaType = await mediaTypeOf(join(folder, safe), said);
        refuseFalseType(said, mediaType);
        await syncDirectory(folder);
        const now = clock.now();
        const times = { createdAt: now, expiresAt: now + limits.expireAfterMs };
        const upload: UploadRecord = { uploadId, user, name: safe, mediaType, bytes: size, ...times };
        await records.uploads.save(upload);
        return { upload, isNew: true };
      } catch (error) {
        bytesHeld -= size;
        await rm(folder, { recursive: true, force: true }).catch(() => {});
        throw explain(error);
      } finally {
        coming.delete(uploadId);
      }
    },
    async find(user, uploadId) {
      const upload = await records.uploads.find(uploadId);
      if (upload?.user === user) return upload;
      throw new CompanionError(
        "NOT_FOUND",
        `There is no uploaded file ${uploadId} (any more). Upload it again with POST /api/uploads.`,
      );
    },
    pathOf: ({ user, uploadId, name }) => join(folderOf(user, uploadId), name),
    list: async (user) => (await records.uploads.list(user)).sort((a, b) => b.createdAt - a.createdAt),
    bytesMaxEach: limits.bytesMaxEach,
    get bytesLeft() {
      return Math.max(0, limits.bytesMax - bytesHeld);
    },
    async remove(user, uploadId) {
      const upload = await uploads.find(user, uploadId);
      if ((await held()).has(uploadId))
        throw new CompanionError("CONFLICT", "A message that waits will be sent with this file. Take it back first.");
      await erase(upload);
    },
    async attach(user, content) {
      if (typeof content === "string") return content;
      return Promise.all(
        content.map(async (block) => {
          if (block.type !== "upload") return block;
          const upload = await uploads.find(user, block.uploadId);
          const expiresAt = clock.now() + limits.expireAfterMs;
          await records.uploads.save({ ...upload, expiresAt });
          const { name, mediaType, bytes } = upload;
          return { ...block, name, mediaType, bytes };
        }),
      );
    },
    read: createBlocks({ find: (user, id) => uploads.find(user, id), pathOf: (upload) => uploads.pathOf(upload) }),
    async directoryOf(user) {
      const home = homeOf(user);
      await mkdir(home, { recursive: true, mode: 0o700 });
      return home;
    },
    async expire() {
      const now = clock.now();
      const past = (await records.uploads.list()).filter(({ expiresAt }) => expiresAt < now);
      if (past.length === 0) return;
      const waitedFor = await held();
      for (const upload of past) if (!waitedFor.has(upload.uploadId)) await erase(upload);
    },
  };
  return uploads;
}

const megabytes = (bytes: number): number => Math.round(bytes / 10_485.76) / 100;
const tooLarge = (message: string) => new CompanionError("PAYLOAD_TOO_LARGE", message);

/** A name that is a name on every system, and needs no quotes where people write it. */
function safeName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const safe = last
    .normalize("NFC")
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/^[.-]+/, "");
  const dot = safe.lastIndexOf(".");
  const ending = dot > 0 ? safe.slice(dot).slice(0, 20) : "";
  // File systems count bytes, and a letter may have four.
  return `${[...safe.slice(0, safe.length - ending.length)].slice(0, 50).join("")}${ending}` || "file";
}

async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, "r");
  // Not every system can; those that cannot do it by themselves.
  await folder.sync().catch(() => {});
  await folder.close();
}

function explain(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EROFS" || code === "EIO")
    return new CompanionError("STORAGE_FAILED", `The file could not be stored (${code}). Make room on the server.`);
  if (code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return new CompanionError("INVALID_REQUEST", `The file did not come whole: ${messageOf(error)}. Send it again.`);
  return error;
}
