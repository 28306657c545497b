import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { storageContract } from "../storage.contract.ts";
import { openSqliteStorage } from "./sqlite-storage.ts";

const folder = await mkdtemp(join(tmpdir(), "companion-sqlite-"));
after(() => rm(folder, { recursive: true, force: true }));
const fresh = () => join(folder, randomUUID(), "companion.db");

storageContract("SQLite", (options) => openSqliteStorage({ path: fresh(), ...options }));

const notice = (text: string) => ({
  id: undefined,
  event: { type: "agentNotice" as const, data: { kind: "notice" as const, text } },
});
const storageFailed = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error && "code" in error && error.code === "STORAGE_FAILED", String(error));
  assert.match(error.message, pattern);
  return true;
};

describe("SQLite", () => {
  test("[STO-1] events, positions, epoch and records are there again after a restart", async () => {
    const path = fresh();
    const session = randomUUID();
    const first = await openSqliteStorage({ path });
    const device = { deviceId: randomUUID(), user: "ada", name: "phone", lastSeenAt: 1 };
    await (await first.log.writer(session)).append({
      events: [notice("a"), notice("b")],
      records: [first.records.devices.write(device)],
    });
    const head = await first.log.head(session);
    await first.close();
    const second = await openSqliteStorage({ path });
    assert.deepEqual(await second.log.head(session), head);
    assert.deepEqual(await second.records.devices.list("ada"), [device]);
    assert.deepEqual(await (await second.log.writer(session)).append({ events: [notice("c")], records: [] }), [
      { seq: 3, isNew: true },
    ]);
    await second.close();
  });

  test("[STO-2] a database of a newer version is refused and left alone", async () => {
    const path = fresh();
    await (await openSqliteStorage({ path })).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 999");
    newer.close();
    const before = await readFile(path);
    await assert.rejects(openSqliteStorage({ path }), storageFailed(/newer version of this program.*DATA_DIR/));
    assert.deepEqual(await readFile(path), before);
  });

  test("[STO-3] a file that is no database is refused, told and left alone", async () => {
    const path = join(folder, "broken.db");
    await writeFile(path, "this is certainly not a database, but it is long enough to be read as one".repeat(100));
    const before = await readFile(path);
    await assert.rejects(openSqliteStorage({ path }), storageFailed(/damaged or no database/));
    assert.deepEqual(await readFile(path), before);
  });

  test("[STO-4] a data directory that cannot be written is told with what to do", async () => {
    const file = join(folder, "a-file");
    await writeFile(file, "");
    await chmod(file, 0o600);
    await assert.rejects(openSqliteStorage({ path: join(file, "sub", "companion.db") }), storageFailed(/DATA_DIR/));
  });

  test("[STO-5] one commit that fails does not take the others with it", async () => {
    const storage = await openSqliteStorage({ path: fresh() });
    const session = randomUUID();
    const log = await storage.log.writer(session);
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const bad = {
      id: undefined,
      event: { type: "agentNotice" as const, data: { kind: "notice" as const, text: "x", details: circular } },
    };
    const results = await Promise.allSettled([
      log.append({ events: [notice("a")], records: [] }),
      log.append({ events: [bad], records: [] }),
      log.append({ events: [notice("b")], records: [{ collection: "x", key: "k", owner: null as never, value: {} }] }),
      log.append({ events: [notice("c")], records: [] }),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    const kept = await storage.log.read(session, 0, { events: 10, bytes: 10_000 });
    assert.deepEqual(
      kept.map((event) => [event.seq, JSON.parse(event.frame).data.text]),
      [
        [1, "a"],
        [2, "c"],
      ],
    );
    await storage.close();
  });

  test("[STO-6] a second server on the same data is refused, and may start once the first is gone", async () => {
    const path = fresh();
    const first = await openSqliteStorage({ path });
    await assert.rejects(openSqliteStorage({ path }), storageFailed(/Another server works on .*DATA_DIR/));
    await first.close();
    await (await openSqliteStorage({ path })).close();
  });
});
