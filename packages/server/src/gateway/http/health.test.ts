import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuth, createOriginPolicy } from "../../auth/index.ts";
import { createTestClock } from "../../sessions/sessions.fixture.ts";
import { createMemoryStorage } from "../../storage/index.ts";
import { createTelemetry } from "../../telemetry/index.ts";
import { addHealthRoutes } from "./health-routes.ts";
import { createHttpServer } from "./server.ts";

test("[HLT-4] a disk that is nearly full, an agent that is not logged in and a push provider that does not answer are named, with what to do and since when; then all is well again", async () => {
  const clock = createTestClock();
  const { records } = createMemoryStorage({ now: clock.now });
  const token = "test-token-0123456789";
  const auth = await createAuth({ authToken: token, records, clock });
  const { report } = await createTelemetry({ level: "silent", clock });
  const app = await createHttpServer({
    auth,
    origins: createOriginPolicy({ hosts: [], origins: [] }),
    report,
    clock,
    version: "1.0.0",
    limits: { frameBytesMax: 10_000, commandsPerSecond: 100 },
    certificate: undefined,
  });
  const now = { freeBytes: 10 ** 9, waiting: {} as Record<string, number>, troubles: [] as object[] };
  addHealthRoutes(app, {
    storage: { check: async () => {}, trouble: undefined },
    sessions: {
      agents: async () => [{ available: true }] as never,
      memoryShort: undefined,
      census: () => ({ byStatus: {}, byObstacle: now.waiting }),
    },
    disk: {
      get freeBytes() {
        return now.freeBytes;
      },
      databaseBytes: 0,
      look: async () => {},
      close() {},
    },
    push: {
      get troubles() {
        return now.troubles as never;
      },
    },
    auth,
    clock,
    version: "1.0.0",
    isClosing: () => false,
  });
  type Checks = Record<string, { status: string; message?: string; since?: string }>;
  const look = async (authorization: string) => {
    // What was found is kept for a second.
    clock.pass(1_001);
    const answer = await app.inject({ url: "/health", headers: { authorization } });
    return answer.json<{ status: string; checks: Checks }>();
  };
  const owner = `Bearer ${token}`;
  assert.equal((await look(owner)).status, "healthy");

  now.freeBytes = 10 * 2 ** 20;
  now.waiting = { login: 2 };
  const brokeAt = clock.now();
  now.troubles = [
    { platform: "apns", provider: "https://api.push.apple.com", since: brokeAt, reason: "Apple: status 503" },
  ];
  const { status, checks } = await look(owner);
  assert.equal(status, "degraded");
  const wanted: [string, RegExp][] = [
    ["disk", /Only 10 MB are free.*Make room/],
    ["login", /not logged in; 2 session.*log in/],
    ["push", /apns does not take notifications \(Apple: status 503\)/],
  ];
  for (const [name, message] of wanted) {
    assert.equal(checks[name]?.status, "degraded");
    assert.match(checks[name]?.message ?? "", message);
  }
  const foundAt = new Date(clock.now()).toISOString();
  assert.deepEqual([checks.disk?.since, checks.push?.since], [foundAt, new Date(brokeAt).toISOString()]);
  assert.equal((await look(owner)).checks.disk?.since, foundAt, "since it was found, not since it was looked at");
  assert.equal((await look("")).checks.disk?.message, undefined, "words are for who has a token");

  Object.assign(now, { freeBytes: 10 ** 9, waiting: {}, troubles: [] });
  const well = await look(owner);
  assert.deepEqual([well.status, well.checks.disk], ["healthy", { status: "healthy" }]);
  await app.close();
});
