import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStorage } from "../../../packages/server/src/storage/index.ts";
import type { Row } from "../main.ts";
import { median, ratio, rounds, thousands } from "./measure.ts";

const sessions = 100;
const event = (i: number) => ({
  id: `event-${i}`,
  event: { type: "agentNotice" as const, data: { kind: "notice" as const, text: "x".repeat(200) } },
});

/** Our log: 100 sessions that each store their next event as soon as the last is durable, `depth` at a time. */
async function ours(path: string, depth: number): Promise<number> {
  const storage = await openSqliteStorage({ path });
  const logs = await Promise.all(Array.from({ length: sessions }, () => storage.log.writer(randomUUID())));
  const perSession = depth === 1 ? 600 : 3_200;
  const begun = performance.now();
  await Promise.all(
    logs.map(async (log) => {
      for (let i = 0; i < perSession; i += depth) {
        await log.append({ events: Array.from({ length: depth }, (_, j) => event(i + j)), records: [] });
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1_000;
  await storage.close();
  return (sessions * perSession) / seconds;
}

/** What one would write first: an INSERT an event, each its own durable transaction. */
function plain(path: string): number {
  const database = new DatabaseSync(path);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE events (session TEXT, seq INTEGER, data TEXT, PRIMARY KEY (session, seq))",
  );
  const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?)");
  const ids = Array.from({ length: sessions }, () => randomUUID());
  const count = 8_000;
  const begun = performance.now();
  for (let i = 0; i < count; i++) insert.run(ids[i % sessions] ?? "", i, JSON.stringify(event(i).event));
  const seconds = (performance.now() - begun) / 1_000;
  database.close();
  return count / seconds;
}

/** Time from asking to durable, at 5,000 events a second. */
async function latency(path: string): Promise<{ p50: number; p99: number }> {
  const storage = await openSqliteStorage({ path });
  const logs = await Promise.all(Array.from({ length: sessions }, () => storage.log.writer(randomUUID())));
  const taken: number[] = [];
  const waiting: Promise<void>[] = [];
  const begun = performance.now();
  let sent = 0;
  while (sent < 20_000) {
    const due = Math.min(20_000, Math.floor((performance.now() - begun) * 5));
    for (; sent < due; sent++) {
      const asked = performance.now();
      const stored = logs[sent % sessions]?.append({ events: [event(sent)], records: [] });
      waiting.push(Promise.resolve(stored).then(() => void taken.push(performance.now() - asked)));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(waiting);
  await storage.close();
  taken.sort((a, b) => a - b);
  return { p50: taken[Math.floor(taken.length * 0.5)] ?? 0, p99: taken[Math.floor(taken.length * 0.99)] ?? 0 };
}

export const append: Row = {
  name: "append",
  async run(print) {
    const folder = await mkdtemp(join(tmpdir(), "companion-append-"));
    let files = 0;
    const fresh = () => join(folder, String(files++), "log.db");
    const figures = {
      one: [] as number[],
      sixteen: [] as number[],
      plain: [] as number[],
      p50: [] as number[],
      p99: [] as number[],
    };
    for (let round = 0; round < rounds; round++) {
      figures.one.push(await ours(fresh(), 1));
      figures.sixteen.push(await ours(fresh(), 16));
      figures.plain.push(plain(join(folder, `plain-${round}.db`)));
      const found = await latency(fresh());
      figures.p50.push(found.p50);
      figures.p99.push(found.p99);
    }
    await rm(folder, { recursive: true });
    const [one, sixteen, simple] = [median(figures.one), median(figures.sixteen), median(figures.plain)];
    print("| work | ours | an INSERT an event, synchronous=FULL | ratio | target |");
    print("| --- | --- | --- | --- | --- |");
    print(
      `| durable appends, 100 sessions at once, one event each: thousand events/s | ${thousands(one)} | ${thousands(simple)} | ${ratio(one, simple)} | |`,
    );
    print(
      `| the same, 16 events each (a burst of an agent) | ${thousands(sixteen)} | ${thousands(simple)} | ${ratio(sixteen, simple)} | ≥ 50 |`,
    );
    print(
      `| from asking to durable at 5,000/s, ms: p50, p99 | ${median(figures.p50).toFixed(2)}, ${median(figures.p99).toFixed(2)} | | | p99 ≤ 10 |`,
    );
  },
};
