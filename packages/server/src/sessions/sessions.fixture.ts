import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createScriptedProvider, type Script } from "../agents/index.ts";
import type { Clock } from "../clock.ts";
import { createHub } from "../delivery/index.ts";
import { createDirectories } from "../projects/index.ts";
import { createMemoryStorage } from "../storage/index.ts";
import { createTelemetry } from "../telemetry/index.ts";
import { createUploads } from "../uploads/index.ts";
import type { Budgets } from "./gate.ts";
import { createSessions } from "./index.ts";

/** A clock that stands until it is moved. */
export function createTestClock(): Clock & { pass(ms: number): void } {
  let now = Date.UTC(2026, 0, 1);
  const timers = new Map<object, { at: number; run: () => void }>();
  return {
    now: () => now,
    monotonicMs: () => now,
    after(ms, run) {
      const timer = {};
      timers.set(timer, { at: now + ms, run });
      return () => timers.delete(timer);
    },
    pass(ms) {
      now += ms;
      for (const [timer, { at, run }] of [...timers]) if (at <= now && timers.delete(timer)) run();
    },
  };
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
export async function eventually(fits: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await fits()); turns++) {
    assert.ok(turns < 2_000, "it never came to be");
    await turn();
  }
}
/** Lets time pass in steps, and what they set off happen. */
export async function pass(clock: { pass(ms: number): void }, steps: number, stepMs: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    clock.pass(stepMs);
    for (let turns = 0; turns < 5; turns++) await turn();
  }
}
export const user = "ada";
export const by = { deviceId: "d", name: "phone" };

export async function start(
  options: {
    script?: Script;
    storage?: ReturnType<typeof createMemoryStorage>;
    limits?: Partial<{ sessionsPerUser: number; permissionExpireAfterMs: number; agentsMax: number }>;
    budgets?: Partial<Budgets>;
    modes?: string[];
    recognisesRepeats?: boolean;
    root?: string;
  } = {},
) {
  const clock = createTestClock();
  const storage = options.storage ?? createMemoryStorage({ now: clock.now });
  const root = options.root ?? (await realpath(await mkdtemp(join(tmpdir(), "companion-sessions-"))));
  const scripted = createScriptedProvider({
    script: options.script ?? ((agent, text) => agent.say(`you said ${text}`)),
  });
  const provider = {
    ...scripted,
    capabilities: {
      ...scripted.capabilities,
      permissionModes: [...scripted.capabilities.permissionModes, ...(options.modes ?? [])] as never,
      recognisesRepeats: options.recognisesRepeats ?? true,
    },
  };
  const hub = createHub({ log: storage.log, clock });
  const memory = { free: 1_000_000 };
  const { report } = await createTelemetry({ level: "silent", clock });
  const uploads = await createUploads({
    directory: join(root, ".uploads"),
    records: storage.records,
    clock,
    limits: { bytesMaxEach: 1_000, bytesMax: 10_000, expireAfterMs: 1_000 },
  });
  const sessions = await createSessions({
    log: storage.log,
    records: storage.records,
    hub,
    providers: [provider],
    directories: await createDirectories({ roots: [root] }),
    uploads,
    report,
    clock,
    limits: {
      sessionsPerUser: options.limits?.sessionsPerUser ?? 10,
      hibernateAfterMs: 60_000,
      silentAfterMs: 300_000,
      expireAfterMs: 86_400_000,
      permissionExpireAfterMs: options.limits?.permissionExpireAfterMs,
      agentsMax: options.limits?.agentsMax ?? 100,
      memoryBytesMin: 1_000,
    },
    budgets: { session: {}, day: {}, ...options.budgets },
    continueAfterLimit: false,
    availableMemory: () => memory.free,
  });
  const create = (change: object = {}) =>
    sessions.create({
      user,
      sessionId: undefined,
      workingDirectory: root,
      agent: undefined,
      model: undefined,
      permissionMode: undefined,
      title: undefined,
      conversationId: undefined,
      reuse: true,
      ...change,
    });
  const events = async (sessionId: string) =>
    (await storage.log.read(sessionId, 0, { events: 1_000, bytes: 1e7 })).map(
      (event) => JSON.parse(event.frame) as { type: string; data: Record<string, never> },
    );
  const send = async (
    sessionId: string,
    text: string,
    messageId = randomUUID(),
    delivery: "queue" | "steer" | "interrupt" = "queue",
  ) => {
    const session = await sessions.get(user, sessionId);
    return { messageId, ...(await session.send({ messageId, content: text, by, delivery })) };
  };
  return { clock, storage, provider, hub, report, sessions, uploads, memory, create, events, send, root };
}
