import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { limitFiles } from "../../../../../e2e/kit/processes.ts";
import { storageContract } from "../storage.contract.ts";
import { backUp, restore } from "./backup.ts";
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

  test("[STO-3] a damaged database is set aside untouched and told, and a new one begun", async () => {
    const [noDatabase, torn] = [fresh(), fresh()];
    await (await openSqliteStorage({ path: noDatabase })).close();
    await writeFile(noDatabase, "this is certainly not a database, but long enough to be read as one".repeat(100));
    // Killed, with its journal still there, and then a page in the middle went bad.
    const whole = fresh();
    const killed = await openSqliteStorage({ path: whole });
    const writer = await killed.log.writer(randomUUID());
    for (let i = 0; i < 50; i++) await writer.append({ events: [notice(`${i}`.repeat(500))], records: [] });
    const copy = new DatabaseSync(whole, { readOnly: true });
    await backup(copy, torn).catch(async () => {
      await mkdir(dirname(torn));
      await backup(copy, torn);
    });
    copy.close();
    await killed.close();
    const pages = await readFile(torn);
    pages.fill(0x5a, 4096 * 4, 4096 * 6);
    await writeFile(torn, pages);
    await writeFile(`${torn}-wal`, "a journal");
    for (const path of [noDatabase, torn]) {
      const before = await readFile(path);
      const storage = await openSqliteStorage({ path });
      const [, aside = ""] = /set aside as (\S+),/.exec(storage.trouble ?? "") ?? [];
      assert.deepEqual(await readFile(aside), before);
      assert.match(storage.trouble ?? "", /claude-companion restore/);
      await storage.check();
      await storage.close();
      const again = await openSqliteStorage({ path });
      assert.equal(again.trouble, undefined);
      await again.close();
    }
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

  test("[STO-7] what was not committed when the server was killed is not there, and all the rest is", async () => {
    const path = fresh();
    const session = randomUUID();
    const storage = await openSqliteStorage({ path });
    const log = await storage.log.writer(session);
    for (let i = 0; i < 20; i++) await log.append({ events: [notice(`${i}`)], records: [] });
    // A copy of the files as a power cut would leave them, with the last transaction torn in the middle.
    const after = join(folder, randomUUID(), "companion.db");
    await mkdir(dirname(after));
    await writeFile(after, await readFile(path));
    const journal = await readFile(`${path}-wal`);
    await writeFile(`${after}-wal`, journal.subarray(0, journal.length - 1_000));
    await storage.close();
    const recovered = await openSqliteStorage({ path: after });
    assert.equal(recovered.trouble, undefined);
    assert.equal((await recovered.log.head(session))?.lastSeq, 19);
    const events = await recovered.log.read(session, 0, { events: 100, bytes: 100_000 });
    assert.deepEqual(
      events.map(({ frame }) => JSON.parse(frame).data.text),
      Array.from({ length: 19 }, (_, i) => `${i}`),
    );
    await recovered.close();
  });

  test("[STO-8] a backup is made while the server works; restored, it is what was there then, in another epoch, and what was there is kept", async () => {
    const path = fresh();
    const [session, copy] = [randomUUID(), join(folder, "backup.db")];
    const storage = await openSqliteStorage({ path });
    const log = await storage.log.writer(session);
    await log.append({ events: [notice("a"), notice("b")], records: [] });
    const head = await storage.log.head(session);
    await backUp({ path, to: copy });
    await assert.rejects(backUp({ path, to: copy }), { code: "CONFLICT" });
    await log.append({ events: [notice("c")], records: [] });
    await assert.rejects(restore({ path, from: copy, stamp: "1" }), storageFailed(/Another server works on/));
    await storage.close();
    const bad = join(folder, "bad.db");
    await writeFile(bad, "no backup".repeat(1_000));
    await assert.rejects(restore({ path, from: bad, stamp: "1" }), storageFailed(/damaged or no backup/));
    const kept = await restore({ path, from: copy, stamp: "1" });
    assert.equal(kept, `${path}.before-restore-1`);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const restored = await openSqliteStorage({ path });
    const then = await restored.log.head(session);
    assert.deepEqual({ ...then, epoch: "" }, { ...head, epoch: "" });
    assert.notEqual(then?.epoch, head?.epoch);
    await restored.close();
    const before = await openSqliteStorage({ path: kept });
    assert.equal((await before.log.head(session))?.lastSeq, 3);
    await before.close();
  });

  test("[STO-9] a disk that takes no more is told, reading goes on, and the work goes on when there is room again", async () => {
    const storage = await openSqliteStorage({ path: fresh() });
    const session = randomUUID();
    const log = await storage.log.writer(session);
    const told: string[] = [];
    storage.onTrouble((trouble) => told.push(trouble));
    await log.append({ events: [notice("a")], records: [] });
    assert.ok(limitFiles(process.pid, "1"));
    try {
      await assert.rejects(log.append({ events: [notice("b")], records: [] }), storageFailed(/./));
      await assert.rejects(log.append({ events: [notice("b")], records: [] }), storageFailed(/./));
      assert.equal((await storage.log.read(session, 0, { events: 10, bytes: 1_000 })).length, 1);
      assert.equal(told.length, 1, "once, when it begins");
      assert.equal(storage.trouble, told[0]);
    } finally {
      limitFiles(process.pid, "unlimited");
    }
    assert.deepEqual(await log.append({ events: [notice("b")], records: [] }), [{ seq: 2, isNew: true }]);
    assert.equal(storage.trouble, undefined);
    await storage.close();
  });
});
