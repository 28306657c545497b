import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { NewEvent, StoredEvent } from "../log/index.ts";
import type { MessageRecord } from "../records/index.ts";
import type { Storage } from "./storage.ts";

const all = { events: 1_000, bytes: 10_000_000 };
const notice = (text: string, id?: string): NewEvent => ({
  id,
  event: { type: "agentNotice", data: { kind: "notice", text } },
});
const texts = (events: readonly StoredEvent[]) => events.map((event) => JSON.parse(event.frame).data.text);
const byText = (a: string, b: string) => a.localeCompare(b);
const seqs = (events: readonly StoredEvent[]) => events.map((event) => event.seq);
const message = (sessionId: string, state: MessageRecord["state"] = "queued"): MessageRecord => ({
  messageId: randomUUID(),
  sessionId,
  order: 1,
  content: "hello",
  by: undefined,
  delivery: undefined,
  correlationId: undefined,
  state,
});

/** What every backend must do: one suite, run over each of them. */
export function storageContract(name: string, open: (options: { now: () => number }) => Promise<Storage>): void {
  describe(`storage: ${name}`, () => {
    let time = Date.UTC(2026, 0, 1);
    const start = async () => {
      const storage = await open({ now: () => time });
      return { ...storage, [Symbol.asyncDispose]: () => storage.close() };
    };

    test("[STO-10] what was measured is kept by step and time, found by metric, replaced and pruned", async () => {
      await using storage = await start();
      const { series } = storage;
      const row = (turns: number) => JSON.stringify({ turns, "errors{code=X}": { g: [1, 1, 1] } });
      await series.write(10, 100, row(1));
      await series.write(10, 110, row(2));
      await series.write(10, 120, JSON.stringify({ other: 1 }));
      await series.write(60, 100, row(9));
      await series.write(10, 110, row(3));
      const all = await series.read(10, { from: 100, to: 130, key: undefined });
      assert.deepEqual(
        all.map(({ at }) => at),
        [100, 110, 120],
      );
      assert.deepEqual(await series.read(10, { from: 100, to: 120, key: "turns" }), [
        { at: 100, values: "1" },
        { at: 110, values: "3" },
      ]);
      assert.deepEqual(await series.read(10, { from: 0, to: 110, key: "errors{code=X}" }), [
        { at: 100, values: '{"g":[1,1,1]}' },
      ]);
      assert.deepEqual(await series.read(10, { from: 0, to: 200, key: 'no"thing' }), []);
      await series.prune(10, 110);
      assert.deepEqual(
        (await series.read(10, { from: 0, to: 200, key: undefined })).map(({ at }) => at),
        [110, 120],
      );
      assert.equal((await series.read(60, { from: 0, to: 200, key: undefined })).length, 1);
    });

    test("[LOG-1] events of a session are numbered 1, 2, 3 without holes, each session for itself", async () => {
      await using storage = await start();
      const [a, b] = [randomUUID(), randomUUID()];
      const [logA, logB] = [await storage.log.writer(a), await storage.log.writer(b)];
      const results = await Promise.all([
        logA.append({ events: [notice("1"), notice("2")], records: [] }),
        logB.append({ events: [notice("x")], records: [] }),
        logA.append({ events: [notice("3")], records: [] }),
      ]);
      assert.deepEqual(
        results.flat().map((result) => result.seq),
        [1, 2, 1, 3],
      );
      assert.deepEqual(texts(await storage.log.read(a, 0, all)), ["1", "2", "3"]);
      const head = await storage.log.head(a);
      assert.deepEqual([head?.firstSeq, head?.lastSeq], [1, 3]);
      assert.notEqual(head?.epoch, (await storage.log.head(b))?.epoch);
      assert.equal(await storage.log.head(randomUUID()), undefined);
    });

    test("[LOG-2] an event with an id that the log has is ignored, and its records with it", async () => {
      await using storage = await start();
      const session = randomUUID();
      const log = await storage.log.writer(session);
      const record = message(session);
      const again = { ...record, state: "handedOver" as const };
      const first = await log.append({
        events: [notice("once", "m1")],
        records: [storage.records.messages.write(record)],
      });
      const second = await log.append({
        events: [notice("once", "m1")],
        records: [storage.records.messages.write(again)],
      });
      assert.deepEqual([first, second], [[{ seq: 1, isNew: true }], [{ seq: 1, isNew: false }]]);
      assert.equal((await storage.records.messages.find(record.messageId))?.state, "queued");
      // In another session the same id is another event.
      const other = await (await storage.log.writer(randomUUID())).append({
        events: [notice("once", "m1")],
        records: [],
      });
      assert.deepEqual(other, [{ seq: 1, isNew: true }]);
      // A commit that is only partly known stores the rest.
      const mixed = await log.append({
        events: [notice("once", "m1"), notice("new", "m2")],
        records: [storage.records.messages.write(again)],
      });
      assert.deepEqual(
        mixed.map((result) => result.seq),
        [1, 2],
      );
      assert.equal((await storage.records.messages.find(record.messageId))?.state, "handedOver");
    });

    test("[LOG-3] the frame that is stored is the frame that was told, and it is whole JSON", async () => {
      await using storage = await start();
      const session = randomUUID();
      const told: StoredEvent[] = [];
      storage.log.follow((events) => told.push(...events));
      const log = await storage.log.writer(session);
      const text = 'quotes " backslash \\ newline \n emoji 👩‍💻 \u2028 nul \u0000';
      await log.append({ events: [notice(text)], records: [] });
      const read = await storage.log.read(session, 0, all);
      assert.deepEqual(read, told);
      assert.deepEqual(JSON.parse(read[0]?.frame ?? ""), {
        type: "agentNotice",
        sessionId: session,
        seq: 1,
        timestamp: "2026-01-01T00:00:00.000Z",
        data: { kind: "notice", text },
      });
    });

    test("[LOG-4] commits are told in order, after they are stored", async () => {
      await using storage = await start();
      const session = randomUUID();
      const log = await storage.log.writer(session);
      const told: number[] = [];
      storage.log.follow((events) => told.push(...seqs(events)));
      await Promise.all(
        Array.from({ length: 200 }, (_, i) => log.append({ events: [notice(String(i))], records: [] })),
      );
      assert.deepEqual(
        told,
        Array.from({ length: 200 }, (_, i) => i + 1),
      );
      assert.deepEqual(
        texts(await storage.log.read(session, 0, all)),
        Array.from({ length: 200 }, (_, i) => String(i)),
      );
    });

    test("[LOG-5] pages end at a number of events or of bytes, and hold at least one event", async () => {
      await using storage = await start();
      const session = randomUUID();
      const log = await storage.log.writer(session);
      await log.append({
        events: Array.from({ length: 10 }, (_, i) => notice(`${i}${"x".repeat(1_000)}`)),
        records: [],
      });
      assert.deepEqual(seqs(await storage.log.read(session, 4, { events: 3, bytes: 1_000_000 })), [5, 6, 7]);
      assert.deepEqual(seqs(await storage.log.read(session, 0, { events: 100, bytes: 2_500 })), [1, 2]);
      assert.deepEqual(seqs(await storage.log.read(session, 0, { events: 100, bytes: 1 })), [1]);
      assert.deepEqual(await storage.log.read(session, 10, all), []);
      assert.deepEqual(await storage.log.read(randomUUID(), 0, all), []);
    });

    test("[LOG-6] old events go by age and by size; positions and ids stay taken", async () => {
      await using storage = await start();
      const session = randomUUID();
      const log = await storage.log.writer(session);
      await log.append({ events: [notice("old", "m1"), notice("old", "m2")], records: [] });
      time += 100_000;
      await log.append({ events: Array.from({ length: 8 }, (_, i) => notice(`${i}`.repeat(500))), records: [] });
      const byAge = await storage.log.trim(session, { before: time - 50_000, bytesMax: 1_000_000, keepEvents: 1 });
      assert.deepEqual([byAge?.firstSeq, byAge?.lastSeq], [3, 10]);
      const bySize = await storage.log.trim(session, { before: 0, bytesMax: 2_000, keepEvents: 2 });
      assert.ok(bySize && bySize.firstSeq > 5 && bySize.firstSeq <= 9, `firstSeq ${bySize?.firstSeq}`);
      const emptied = await storage.log.trim(session, { before: time + 1, bytesMax: 0, keepEvents: 1 });
      assert.deepEqual([emptied?.firstSeq, emptied?.lastSeq, emptied?.epoch], [10, 10, byAge?.epoch]);
      assert.deepEqual(await log.append({ events: [notice("old", "m1"), notice("new")], records: [] }), [
        { seq: 1, isNew: false },
        { seq: 11, isNew: true },
      ]);
      assert.equal(await storage.log.trim(randomUUID(), { before: 0, bytesMax: 0, keepEvents: 1 }), undefined);
    });

    test("[LOG-8] an event of a clock that was wrong for a while takes nothing with it", async () => {
      await using storage = await start();
      const session = randomUUID();
      const log = await storage.log.writer(session);
      const now = time;
      await log.append({ events: [notice("a")], records: [] });
      time = 0;
      await log.append({ events: [notice("b")], records: [] });
      time = now + 1_000;
      await log.append({ events: [notice("c")], records: [] });
      const head = await storage.log.trim(session, { before: now - 50_000, bytesMax: 1_000_000, keepEvents: 1 });
      assert.deepEqual([head?.firstSeq, head?.lastSeq], [1, 3]);
    });

    test("[REC-1] records are found, listed by owner, replaced and removed", async () => {
      await using storage = await start();
      const [one, two] = [randomUUID(), randomUUID()];
      const records = [message(one), message(one), message(two)] as const;
      for (const record of records) await storage.records.messages.save(record);
      assert.deepEqual(
        (await storage.records.messages.list(one)).map((r) => r.messageId).toSorted(byText),
        [records[0].messageId, records[1].messageId].toSorted(byText),
      );
      assert.equal((await storage.records.messages.list()).length, 3);
      await storage.records.messages.save({ ...records[0], content: "changed" });
      assert.equal((await storage.records.messages.find(records[0].messageId))?.content, "changed");
      await storage.records.messages.remove(records[0].messageId);
      assert.equal(await storage.records.messages.find(records[0].messageId), undefined);
      const log = await storage.log.writer(one);
      await log.append({ events: [], records: [storage.records.messages.removal(records[1])] });
      assert.deepEqual(await storage.records.messages.list(one), []);
    });

    test("[REC-2] records of one owner come page by page, the highest key first", async () => {
      await using storage = await start();
      const entry = (auditId: string, user = "ada") => ({
        auditId,
        user,
        at: new Date(time).toISOString(),
        action: "ruleGiven" as const,
        sessionId: randomUUID(),
        workingDirectory: "/",
        title: auditId,
      });
      for (const id of ["02", "05", "01", "04", "03"]) await storage.records.audit.save(entry(id));
      await storage.records.audit.save(entry("09", "bob"));
      const page = async (before: string | undefined) =>
        (await storage.records.audit.page("ada", { before, limit: 2 })).map(({ auditId }) => auditId);
      assert.deepEqual(await page(undefined), ["05", "04"]);
      assert.deepEqual(await page("04"), ["03", "02"]);
      assert.deepEqual(await page("02"), ["01"]);
      assert.deepEqual(await page("01"), []);
    });

    test("[LOG-9] what people and agents said is found by its words, in the given sessions, as long as it is in the log", async () => {
      await using storage = await start();
      const [one, two] = [randomUUID(), randomUUID()];
      const ask = (text: string): NewEvent => ({
        id: undefined,
        event: { type: "humanMessage", data: { messageId: randomUUID(), content: text, queued: false } },
      });
      const say = (text: string): NewEvent => ({
        id: undefined,
        event: { type: "assistantMessage", data: { messageId: "m", blockIndex: 0, content: [{ type: "text", text }] } },
      });
      const append = async (sessionId: string, events: NewEvent[]) =>
        (await storage.log.writer(sessionId)).append({ events, records: [] });
      await append(one, [ask("Fix the login page"), say("The login is fixed, naïvely."), notice("login notice")]);
      await append(two, [ask('Where is "login.ts"? (AND what about it\'s tests*)')]);
      const find = async (words: string[], sessions = [one, two], limit = 10, offset = 0) =>
        (await storage.search.search({ words, sessions, limit, offset })).map(
          ({ sessionId, seq }) => `${sessionId === one ? "one" : "two"} ${seq}`,
        );
      assert.deepEqual(new Set(await find(["login"])), new Set(["one 1", "one 2", "two 1"]));
      assert.deepEqual(new Set(await find(["LOGIN"], [one])), new Set(["one 1", "one 2"]));
      assert.deepEqual(await find(["login", "pag"]), ["one 1"]);
      assert.deepEqual(await find(["AND", "what"]), ["two 1"]);
      assert.deepEqual(await find([]), []);
      assert.deepEqual(await find(["absent"]), []);
      const pages = [...(await find(["login"], [one, two], 2)), ...(await find(["login"], [one, two], 2, 2))];
      assert.equal(new Set(pages).size, 3);
      const [hit] = await storage.search.search({ words: ["page"], sessions: [one], limit: 1, offset: 0 });
      assert.deepEqual(
        hit?.highlights.map(([begin, end]) => hit.text.slice(begin, end)),
        ["page"],
      );
      assert.equal(hit?.type, "humanMessage");
      // What comes later is found as well; what is forgotten is not.
      await append(one, [say("A late word about the login")]);
      assert.ok((await find(["late"])).length === 1);
      await storage.log.trim(one, { before: 0, bytesMax: 0, keepEvents: 1 });
      assert.deepEqual(await find(["login"], [one]), ["one 4"]);
    });

    test("[LOG-10] an erased log is gone with all its ids, the others stay, and what comes later is found", async () => {
      await using storage = await start();
      const [kept, gone] = [randomUUID(), randomUUID()];
      const say = (text: string): NewEvent => ({
        id: text,
        event: { type: "humanMessage", data: { messageId: randomUUID(), content: text, queued: false } },
      });
      const append = async (sessionId: string, text: string) => {
        const log = await storage.log.writer(sessionId);
        await log.append({ events: [say(text)], records: [] });
        await log.close();
      };
      const find = async (word: string) =>
        (await storage.search.search({ words: [word], sessions: [kept, gone], limit: 10, offset: 0 })).length;
      await append(kept, "about sparrows");
      await append(gone, "about swallows");
      assert.deepEqual([await find("sparrows"), await find("swallows")], [1, 1]);
      const before = await storage.log.head(gone);
      await storage.log.erase(gone);
      await storage.log.erase(gone);
      assert.equal(await storage.log.head(gone), undefined);
      assert.deepEqual(await storage.log.read(gone, 0, all), []);
      assert.deepEqual([await find("sparrows"), await find("swallows")], [1, 0]);
      await append(gone, "about swallows");
      const after = await storage.log.head(gone);
      assert.equal(after?.lastSeq, 1);
      assert.notEqual(after?.epoch, before?.epoch);
      assert.equal(await find("swallows"), 1);
    });

    test("[LOG-7] closing finishes what was accepted", async () => {
      const storage = await open({ now: () => time });
      const log = await storage.log.writer(randomUUID());
      const appends = Array.from({ length: 50 }, () => log.append({ events: [notice("x")], records: [] }));
      await storage.close();
      await storage.close();
      assert.equal((await Promise.all(appends)).length, 50);
    });
  });
}
