import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { createMemoryStorage } from "../storage/index.ts";
import { createUploads } from "./index.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
const user = "ada";

async function* inPieces(bytes: Uint8Array, size = 1 + Math.floor(bytes.length / 10)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function start(limits: Partial<{ bytesMaxEach: number; bytesMax: number; expireAfterMs: number }> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "companion-uploads-"));
  let now = 1_000_000;
  const { records } = createMemoryStorage({ now: () => now });
  const all = { bytesMaxEach: 10_000, bytesMax: 100_000, expireAfterMs: 1_000, ...limits };
  const open = () => createUploads({ directory, records, clock: { now: () => now }, limits: all });
  const uploads = await open();
  const add = (bytes: Uint8Array, change: { name?: string; mediaType?: string; uploadId?: string } = {}) =>
    uploads.add(user, {
      uploadId: randomUUID(),
      name: "a.bin",
      mediaType: undefined,
      ...change,
      bytes: inPieces(bytes),
    });
  return {
    ...{ directory, records, uploads, open, add },
    pass: (ms: number) => (now += ms),
    /** Every file that lies there. */
    files: async () => (await readdir(directory, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

describe("uploads", () => {
  test("[UPL-1] a file comes in pieces, whole or not at all, and once however often it is brought", async () => {
    await using place = await start();
    const uploadId = randomUUID();
    const { upload, isNew } = await place.add(png, { uploadId, name: "../../etc/pass wd.png" });
    assert.deepEqual([isNew, upload.name, upload.mediaType, upload.bytes], [true, "pass-wd.png", "image/png", 70]);
    assert.deepEqual(await readFile(place.uploads.pathOf(upload)), png);
    assert.equal((await place.add(pdf, { uploadId })).isNew, false);
    assert.deepEqual((await place.uploads.list(user)).length, 1);
    await assert.rejects(place.uploads.find("eve", uploadId), { code: "NOT_FOUND" });
    const foreign = { uploadId, name: "a", mediaType: undefined, bytes: inPieces(png) };
    await assert.rejects(place.uploads.add("eve", foreign), { code: "CONFLICT" });
    async function* broken() {
      yield png;
      throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    }
    const half = { uploadId: randomUUID(), name: "a", mediaType: undefined, bytes: broken() };
    await assert.rejects(place.uploads.add(user, half), { code: "INVALID_REQUEST" });
    await assert.rejects(place.add(Buffer.alloc(0)), { code: "INVALID_REQUEST" });
    assert.equal((await place.files()).length, 1);
    assert.equal(place.uploads.bytesLeft, 100_000 - 70);
  });

  test("[UPL-2] a file is what its content is, and one that is said to be a picture must be one", async () => {
    await using place = await start();
    const typeOf = async (bytes: Uint8Array, mediaType?: string) =>
      (await place.add(bytes, mediaType === undefined ? {} : { mediaType })).upload.mediaType;
    assert.equal(await typeOf(png, "application/octet-stream"), "image/png");
    assert.equal(await typeOf(png, "image/jpeg"), "image/png");
    assert.equal(await typeOf(pdf), "application/pdf");
    assert.equal(await typeOf(Buffer.from("naïve text")), "text/plain");
    assert.equal(await typeOf(Buffer.from("# naïve"), "text/markdown"), "text/markdown");
    assert.equal(await typeOf(Buffer.from([1, 0, 2])), "application/octet-stream");
    assert.equal(await typeOf(Buffer.from([0xff, 0x41]), "text/plain"), "application/octet-stream");
    const page = Buffer.from("<script>alert(1)</script>");
    for (const lie of ["image/png", "application/pdf", "video/mp4"])
      await assert.rejects(typeOf(page, lie), { code: "INVALID_REQUEST", message: /but its content is text\/plain/ });
    await assert.rejects(typeOf(png, "application/pdf"), { code: "INVALID_REQUEST" });
  });

  test("[UPL-3] a file has a limit, all have one, also those that come at the same time", async () => {
    await using place = await start({ bytesMaxEach: 100, bytesMax: 250 });
    await assert.rejects(place.add(Buffer.alloc(101, 65)), { code: "PAYLOAD_TOO_LARGE", message: /UPLOAD_MEGABYTES/ });
    const many = await Promise.allSettled(Array.from({ length: 5 }, () => place.add(Buffer.alloc(90, 65))));
    const kept = many.filter(({ status }) => status === "fulfilled").length;
    assert.ok(kept <= 2, `${kept} files of 90 bytes went into 250`);
    assert.equal((await place.files()).length, kept);
    assert.equal(place.uploads.bytesLeft, 250 - kept * 90);
    for (const { uploadId } of await place.uploads.list(user)) await place.uploads.remove(user, uploadId);
    assert.equal(place.uploads.bytesLeft, 250);
    assert.equal((await place.files()).length, 0);
  });

  test("[UPL-4] a file goes when its time is over, but not while a message waits with it; sent again, it stays", async () => {
    await using place = await start();
    const [old, held, sent] = await Promise.all([place.add(png), place.add(png), place.add(png)]);
    const content = [{ type: "upload" as const, uploadId: held.upload.uploadId }];
    await place.records.messages.save({
      ...{ messageId: randomUUID(), sessionId: "s", order: 1, content, by: undefined, correlationId: undefined },
      ...{ delivery: "queue", state: "queued" },
    });
    await assert.rejects(place.uploads.remove(user, held.upload.uploadId), { code: "CONFLICT" });
    place.pass(800);
    const attached = await place.uploads.attach(user, [
      { type: "upload", uploadId: sent.upload.uploadId, name: "lie" },
    ]);
    assert.deepEqual(attached, [
      { type: "upload", uploadId: sent.upload.uploadId, name: "a.bin", mediaType: "image/png", bytes: 70 },
    ]);
    place.pass(300);
    await place.uploads.expire();
    const left = (await place.uploads.list(user)).map(({ uploadId }) => uploadId);
    assert.deepEqual(new Set(left), new Set([held.upload.uploadId, sent.upload.uploadId]));
    await assert.rejects(place.uploads.attach(user, [{ type: "upload", uploadId: old.upload.uploadId }]), {
      code: "NOT_FOUND",
    });
  });

  test("[UPL-5] an agent gets pictures, PDFs and short texts as such, all else by where it lies", async () => {
    await using place = await start({ bytesMaxEach: 300_000, bytesMax: 1_000_000 });
    const read = async (bytes: Uint8Array, name: string, as?: "path") => {
      const { upload } = await place.add(bytes, { name });
      const [block] = await place.uploads.read(user, [
        { type: "upload", uploadId: upload.uploadId, ...(as === undefined ? {} : { as }) },
      ]);
      return { block: block as { type: string; text?: string }, path: place.uploads.pathOf(upload) };
    };
    const source = { type: "base64", mediaType: "image/png", data: png.toString("base64") };
    assert.deepEqual((await read(png, "a.png")).block, { type: "image", source });
    assert.equal((await read(pdf, "a.pdf")).block.type, "document");
    assert.equal((await read(Buffer.from("words"), "a.txt")).block.type, "document");
    for (const { block, path } of [
      await read(png, "a.png", "path"),
      await read(Buffer.alloc(300_000, 65), "long.txt"),
      await read(Buffer.from([0, 1, 2]), "a.bin"),
    ]) {
      assert.equal(block.type, "text");
      assert.ok(block.text?.includes(`@${path}`), block.text);
      assert.equal(dirname(dirname(path)), await place.uploads.directoryOf(user));
    }
    const gone = { type: "upload" as const, uploadId: randomUUID(), name: "gone.png" };
    assert.deepEqual(await place.uploads.read(user, [gone]), [
      { type: "text", text: "[The attached file gone.png is not there any more.]" },
    ]);
  });

  test("[UPL-6] what came while the server was killed is cleared away by the next", async () => {
    await using place = await start();
    const { upload } = await place.add(png);
    const folder = dirname(dirname(place.uploads.pathOf(upload)));
    await mkdir(join(folder, "half"));
    await writeFile(join(folder, "half", "file"), "half of it");
    const next = await place.open();
    assert.deepEqual(
      (await place.files()).map(({ name }) => name),
      [basename(next.pathOf(upload))],
    );
    assert.equal(next.bytesLeft, 100_000 - 70);
  });
});
