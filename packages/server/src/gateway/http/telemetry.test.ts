import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { listen } from "../../../../../e2e/kit/listen.ts";
import { startTestCompanion, testToken } from "../../companion.fixture.ts";
import type { Snapshot } from "../../telemetry/index.ts";

describe("telemetry over REST", () => {
  test("[TEL-6] how the server is, at a glance, is true; it begins anew when the owner says so, and for nobody else", async () => {
    await using server = await startTestCompanion();
    const glance = async () => (await server.api("/api/telemetry")).body as Snapshot;
    const first = await glance();
    assert.deepEqual(Object.keys(first), ["timestamp", "since", "websocket", "sessions", "messages", "performance"]);
    const { session } = (
      await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project } })
    ).body as { session: { sessionId: string } };
    await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project } });
    const { sessionId } = session;
    const deviceId = randomUUID();
    const connect = () => server.socket(`deviceId=${deviceId}`);
    const socket = await connect();
    await socket.ask("subscribe", { sessionId, after: 0 });
    const messageId = randomUUID();
    await socket.ask("sendMessage", { sessionId, messageId, content: "hello" });
    await socket.ask("sendMessage", { sessionId, messageId, content: "hello" });
    await socket.until(({ type }) => type === "turnCompleted");
    await socket.ask("nonsense").catch(() => {});
    socket.ws.close();
    await socket.closed;
    const again = await connect();
    const { data } = await again.until(({ type }) => type === "welcome");
    const { websocket, sessions, messages, performance } = await glance();
    assert.deepEqual([websocket.activeConnections, websocket.reconnections], [1, 1]);
    const total = websocket.totalMessages;
    assert.ok(total.sent >= socket.frames.length);
    assert.deepEqual([total.received, total.failed], [4, 1]);
    assert.deepEqual(sessions, { created: 1, resumed: 0, expired: 0, active: 1, duplicatesPrevented: 2 });
    const head = ((await server.api(`/api/sessions/${sessionId}/events?after=0`)).body as { lastSeq: number }).lastSeq;
    assert.equal(messages.queued, head);
    assert.ok(messages.delivered >= head - 1);
    assert.ok(performance.avgMessageProcessingTime > 0);

    const clientId = String(data.clientId);
    const one = (await server.api(`/api/telemetry/connection/${clientId}`)).body as Record<string, unknown>;
    assert.deepEqual([one.clientId, one.deviceId, one.sessions], [clientId, deviceId, []]);
    assert.equal((await server.api("/api/telemetry/connection/nobody")).status, 404);

    const given = (await server.api("/api/tokens", { method: "POST", body: { name: "phone" } })).body as {
      token: string;
    };
    const asPhone = { headers: { authorization: `Bearer ${given.token}` } };
    assert.equal((await server.api("/api/telemetry", asPhone)).status, 200);
    assert.equal((await server.api("/api/telemetry/reset", { method: "POST", ...asPhone })).status, 403);
    assert.equal(
      (await server.api("/api/telemetry/log-level", { method: "PUT", body: { level: "trace" }, ...asPhone })).status,
      403,
    );
    assert.equal((await server.api("/api/telemetry/reset", { method: "POST" })).status, 200);
    const anew = await glance();
    assert.deepEqual([anew.sessions.created, anew.sessions.active, anew.messages.queued], [0, 1, 0]);
    assert.ok(anew.since > first.since);
    again.ws.close();
  });

  test("[TEL-7] metrics need a token; errors, history, level and what metrics there are can be asked for", async () => {
    await using server = await startTestCompanion();
    assert.equal((await fetch(`${server.url}/metrics`)).status, 401);
    const metrics = await server.api("/metrics");
    assert.equal(metrics.status, 200);
    assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.match(String(metrics.body), /^companion_connections 0$/m);
    const missing = await server.api(`/api/sessions/${randomUUID()}`, {
      headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    });
    assert.equal((missing.body as { correlationId: string }).correlationId, "0af7651916cd43dd8448eb211c80319c");
    const { errors } = (await server.api("/api/telemetry/errors")).body as { errors: Record<string, unknown>[] };
    const found = errors.find(({ code }) => code === "SESSION_NOT_FOUND");
    assert.deepEqual(
      [found?.where, found?.count, found?.correlationId],
      ["GET /api/sessions/:sessionId", 1, "0af7651916cd43dd8448eb211c80319c"],
    );
    const known = (await server.api("/api/telemetry/metrics")).body as {
      metrics: { key: string; kind: string; unit: string }[];
    };
    assert.ok(
      known.metrics.some(
        ({ key, kind, unit }) => key === "http.server.request.duration" && kind === "histogram" && unit === "s",
      ),
    );
    const history = await server.api("/api/telemetry/history?metric=companion.connections&step=60");
    assert.deepEqual([history.status, (history.body as { unit: string }).unit], [200, "{connection}"]);
    for (const wrong of [
      "metric=nothing",
      "metric=companion.connections&from=yesterday",
      "metric=companion.connections&step=0",
      "",
    ])
      assert.ok([400, 404].includes((await server.api(`/api/telemetry/history?${wrong}`)).status), wrong);
    const level = async () => ((await server.api("/api/telemetry/log-level")).body as { level: string }).level;
    assert.equal(await level(), "debug");
    await server.api("/api/telemetry/log-level", { method: "PUT", body: { level: "warn" } });
    assert.equal(await level(), "warn");
    const before = server.logged.length;
    await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project } });
    assert.equal(server.logged.length, before, "at once");
    assert.equal(
      (await server.api("/api/telemetry/log-level", { method: "PUT", body: { level: "loud" } })).status,
      400,
    );
    assert.deepEqual((await server.api("/api/telemetry/agents")).body, { agents: [] });
  });

  test("[TEL-8] one correlation id goes from the command through session, log and turn to the notification", async () => {
    const pushed: { traceparent: string | undefined; body: string }[] = [];
    await using stack = new AsyncDisposableStack();
    const hook = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      pushed.push({ traceparent: request.headers.traceparent?.toString(), body });
      response.end();
    });
    stack.defer(() => hook.closeAllConnections());
    stack.defer(() => void hook.close());
    const url = `http://127.0.0.1:${await listen(hook)}/`;
    await using server = await startTestCompanion();
    await server.api("/api/push-notifications/targets", { method: "POST", body: { platform: "webhook", url } });
    const { session } = (
      await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project } })
    ).body as { session: { sessionId: string } };
    const { sessionId } = session;
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId, after: 0 });
    const correlationId = "4bf92f3577b34da6a3ce929d0e0e4736";
    socket.send({
      type: "sendMessage",
      requestId: "r",
      traceparent: `00-${correlationId}-00f067aa0ba902b7-01`,
      data: { sessionId, messageId: randomUUID(), content: "ask" },
    });
    const said = await socket.until(({ type }) => type === "humanMessage");
    assert.equal(said.data.correlationId, correlationId);
    while (!server.logged.some((line) => line.includes('"msg":"notification"')))
      await new Promise((resolve) => setImmediate(resolve));
    assert.match(pushed[0]?.traceparent ?? "", new RegExp(`^00-${correlationId}-`));
    const lines = server.logged.map((line) => JSON.parse(line) as { msg: string; correlationId?: string });
    for (const msg of ["message accepted", "message handed over", "permission requested", "notification"])
      assert.equal(lines.find((line) => line.msg === msg)?.correlationId, correlationId, msg);
    assert.ok(!server.logged.join("").includes(testToken));
  });
});
