import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { prompt } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { token } from "./kit/server.ts";
import { startWorld } from "./kit/world.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("files for Claude, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-25] pictures reach the model, other files are read by Claude where they lie, without asking", async () => {
    await using world = await startWorld(model);
    const bring = async (name: string, body: Uint8Array<ArrayBuffer>, type: string) => {
      const response = await fetch(`${world.server.url}/api/uploads?name=${encodeURIComponent(name)}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": type, "idempotency-key": name },
        body,
      });
      return {
        status: response.status,
        body: (await response.json()) as { upload: { uploadId: string }; code: string },
      };
    };
    const picture = await bring("login screen.png", png, "image/png");
    assert.equal(picture.status, 201);
    const { uploadId } = picture.body.upload;
    assert.equal((await bring("login screen.png", png, "image/png")).status, 200);
    const lie = await bring("page.png", Buffer.from("<script>"), "image/png");
    assert.deepEqual([lie.status, lie.body.code], [400, "INVALID_REQUEST"]);
    assert.equal((await bring("form", png, "multipart/form-data; boundary=x")).status, 400);
    const back = await fetch(`${world.server.url}/api/uploads/${uploadId}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.deepEqual(Buffer.from(await back.arrayBuffer()), png);
    assert.match(back.headers.get("content-disposition") ?? "", /login-screen\.png/);

    const { device, sessionId, view } = await world.session();
    await device.send(sessionId, [
      { type: "text", text: prompt({ say: "I see it." }) },
      { type: "upload", uploadId },
    ]);
    const { data } = await view.until("humanMessage");
    assert.deepEqual(data.content[1], {
      ...{ type: "upload", uploadId, name: "login-screen.png", mediaType: "image/png", bytes: png.length },
    });
    await view.until("turnCompleted");
    // The scripted model does not keep pictures; what the CLI sent it stands in its transcript.
    const transcripts = `${world.place.environment.CLAUDE_CONFIG_DIR}/projects`;
    const [transcript = ""] = (await readdir(transcripts, { recursive: true })).filter((name) =>
      name.endsWith(".jsonl"),
    );
    const lines = await readFile(join(transcripts, transcript), "utf8");
    assert.ok(lines.includes(png.toString("base64")), lines);

    const again = await device.upload(new Blob([png], { type: "image/png" }), { name: "again.png" });
    assert.deepEqual([again.name, again.bytes], ["again.png", png.length]);
    await assert.rejects(device.upload(new Blob(["no"], { type: "image/png" }), { name: "a.png" }), {
      code: "INVALID_REQUEST",
    });

    const secret = `the secret is ${randomUUID()}`;
    const notes = await bring("notes.log", Buffer.from(`${secret}\n${"line\n".repeat(100_000)}`), "text/plain");
    const told = view.frames.length;
    const { uploadId: notesId } = notes.body.upload;
    const path = `${world.place.environment.DATA_DIR}/uploads`;
    await device.send(sessionId, [
      { type: "text", text: prompt({ say: "What is attached?" }) },
      { type: "upload", uploadId: notesId },
    ]);
    await view.idle(told);
    const reference = (await model.lastSaid()).match(/@(\S+notes\.log)/)?.[1] ?? "";
    assert.ok(reference.startsWith(path), reference);
    const read = { name: "Read", input: { file_path: reference, limit: 2 } };
    await device.send(sessionId, prompt({ tools: [read] }, { say: "read" }));
    const result = await view.until("toolResult");
    assert.match(JSON.stringify(result.data.content), new RegExp(secret));
    assert.equal(
      view.frames.some(({ type }) => type === "permissionRequest"),
      false,
    );
    const deleted = await world.api("DELETE", `/api/uploads/${notesId}`);
    assert.equal(deleted.status, 200);
    const gone: { status: number } = await world.api("GET", `/api/uploads/${notesId}`);
    assert.equal(gone.status, 404);
    await assert.rejects(device.send(sessionId, [{ type: "upload", uploadId: notesId }]), { code: "NOT_FOUND" });
  });
});
