import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { ServerFrame } from "@claude-companion/protocol";
import { openSocket, startTestCompanion, type TestCompanion, testToken } from "../../companion.fixture.ts";

async function createSession(server: TestCompanion): Promise<string> {
  const { body } = await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project } });
  return (body as { session: { sessionId: string } }).session.sessionId;
}

describe("the WebSocket door", () => {
  test("[AUT-1] header, query and one-time ticket open the door; a ticket opens it once", async () => {
    await using server = await startTestCompanion();
    const welcome = async (query: string, headers: Record<string, string>) => {
      const socket = await openSocket(`${server.url}/ws?${query}`, headers);
      const frame = await socket.until(({ type }) => type === "welcome");
      socket.ws.close();
      return frame.type;
    };
    assert.equal(await welcome("", { authorization: `Bearer ${testToken}` }), "welcome");
    assert.equal(await welcome(`token=${testToken}`, {}), "welcome");
    const { body } = await server.api("/api/auth/ticket", { method: "POST" });
    const { ticket } = body as { ticket: string };
    assert.equal(await welcome(`ticket=${ticket}`, {}), "welcome");
    await assert.rejects(welcome(`ticket=${ticket}`, {}), /401 AUTHENTICATION_REQUIRED/);
  });

  test("[AUT-2] nothing, a wrong token, a page of another origin, a rebound name: refused before the upgrade", async () => {
    await using server = await startTestCompanion({ environment: { ALLOWED_ORIGINS: "https://app.example" } });
    const attempt = (headers: Record<string, string>, path = "/ws") => openSocket(`${server.url}${path}`, headers);
    const authorization = `Bearer ${testToken}`;
    await assert.rejects(attempt({}), /401 AUTHENTICATION_REQUIRED/);
    await assert.rejects(attempt({ authorization: "Bearer wrong-token" }), /401 AUTHENTICATION_REQUIRED/);
    await assert.rejects(attempt({ authorization: `Basic ${testToken}` }), /401/);
    await assert.rejects(attempt({ authorization, origin: "https://evil.example" }), /403 FORBIDDEN/);
    await assert.rejects(attempt({ authorization, origin: "null" }), /403 FORBIDDEN/);
    await assert.rejects(attempt({ authorization, host: "evil.example" }), /403 FORBIDDEN/);
    await assert.rejects(attempt({ authorization }, "/other"), /404 NOT_FOUND/);
    (await attempt({ authorization, origin: "https://app.example" })).ws.close();
    (await attempt({ authorization, origin: server.url })).ws.close();
  });

  test("[AUT-7] a token of one's own is made, listed without its secret, and taken back at once: its connections end with 4501", async () => {
    await using server = await startTestCompanion();
    const made = (await server.api("/api/tokens", { method: "POST", body: { name: "phone" } })).body as {
      tokenId: string;
      token: string;
    };
    const socket = await server.socket("", { authorization: `Bearer ${made.token}` });
    const list = JSON.stringify((await server.api("/api/tokens")).body);
    assert.ok(list.includes(made.tokenId) && !list.includes(made.token) && !list.includes("hash"));
    assert.equal((await server.api(`/api/tokens/${made.tokenId}`, { method: "DELETE" })).status, 200);
    assert.equal(await socket.closed, 4501);
    await assert.rejects(server.socket("", { authorization: `Bearer ${made.token}` }), /401/);
    assert.equal(
      (await server.api("/api/sessions", { headers: { authorization: `Bearer ${made.token}` } })).status,
      401,
    );
    assert.equal((await server.api(`/api/tokens/${made.tokenId}`, { method: "DELETE" })).status, 404);
  });

  test("[CON-1] welcome tells who we are, what there is, what may be sent, and what this device followed", async () => {
    await using server = await startTestCompanion();
    const sessionId = await createSession(server);
    const deviceId = randomUUID();
    const first = await server.socket(`deviceId=${deviceId}&deviceName=phone`);
    const welcome = await first.until(({ type }) => type === "welcome");
    const parsed = ServerFrame.parse(welcome);
    assert.ok(parsed.type === "welcome");
    assert.deepEqual(
      [parsed.data.deviceId, parsed.data.deviceIdSource, parsed.data.restored],
      [deviceId, "client", []],
    );
    assert.equal(parsed.data.agents[0]?.id, "scripted");
    await first.ask("subscribe", { sessionId });
    await server.api(`/api/sessions/${sessionId}/messages`, {
      method: "POST",
      body: { content: "hello" },
      headers: { "idempotency-key": "a" },
    });
    const { seq } = await first.until(({ type }) => type === "humanMessage");
    await first.ask("acknowledge", { sessionId, seq });
    first.ws.close();
    await first.closed;
    const second = ServerFrame.parse(
      await (await server.socket(`deviceId=${deviceId}`)).until(({ type }) => type === "welcome"),
    );
    assert.ok(second.type === "welcome");
    assert.deepEqual(
      second.data.restored.map((session) => [session.sessionId, session.ackedSeq]),
      [[sessionId, seq]],
    );
    const derived = ServerFrame.parse(
      await (await server.socket("", { authorization: `Bearer ${testToken}`, "user-agent": "Firefox on Linux" })).until(
        ({ type }) => type === "welcome",
      ),
    );
    assert.ok(derived.type === "welcome");
    assert.equal(derived.data.deviceIdSource, "fingerprint");
  });

  test("[CON-2] every frame that is wrong is answered with the reason and the place; the connection stays", async () => {
    await using server = await startTestCompanion();
    const socket = await server.socket();
    const cases: [unknown, RegExp, string | undefined][] = [
      ["{not json", /not JSON/, undefined],
      ["[1]", /not valid/, undefined],
      ["null", /not valid/, undefined],
      [{ requestId: "a", data: {} }, /`type`/, "a"],
      [{ type: "ping" }, /`requestId`/, undefined],
      [{ type: "dance", requestId: "b" }, /no command `dance`/, "b"],
      [{ type: "toString", requestId: "b2" }, /no command `toString`/, "b2"],
      [
        { type: "sendMessage", requestId: "c", data: { sessionId: "x", messageId: randomUUID(), content: "hi" } },
        /`sessionId`/,
        "c",
      ],
      [
        {
          type: "sendMessage",
          requestId: "d",
          data: { sessionId: randomUUID(), messageId: randomUUID(), content: [] },
        },
        /`content`/,
        "d",
      ],
      [{ type: "acknowledge", requestId: "e", data: { sessionId: randomUUID(), seq: -1 } }, /`seq`/, "e"],
    ];
    for (const [frame, message, requestId] of cases) {
      const before = socket.frames.length;
      socket.send(frame);
      const error = ServerFrame.parse(
        await socket.until((answer) => socket.frames.indexOf(answer) >= before && answer.type === "error"),
      );
      assert.ok(error.type === "error");
      assert.equal(error.data.code, "INVALID_REQUEST");
      assert.match(error.data.message, message);
      assert.equal(error.requestId, requestId);
    }
    assert.equal((await socket.ask("ping")).type, "pong");
  });

  test("[CON-3] binary frames, frames that are too big and endless nonsense end the connection with their code", async () => {
    await using server = await startTestCompanion({ environment: { FRAME_BYTES_MAX: "2048" } });
    const binary = await server.socket();
    binary.ws.send(Buffer.from("{}"), { binary: true });
    assert.equal(await binary.closed, 1003);
    const big = await server.socket();
    big.send({ type: "ping", requestId: "x".repeat(4_000) });
    assert.equal(await big.closed, 1009);
    const noisy = await server.socket();
    for (let i = 0; i < 100; i++) noisy.send("nonsense");
    assert.equal(await noisy.closed, 1008);
    const { body } = await server.api("/health");
    assert.equal((body as { status: string }).status, "healthy");
  });

  test("[CON-4] too many commands are refused with the time to wait; who goes on is sent away to come back", async () => {
    await using server = await startTestCompanion({ environment: { COMMANDS_PER_SECOND: "5" } });
    const socket = await server.socket();
    for (let i = 0; i < 30; i++) socket.send({ type: "ping", requestId: `p${i}` });
    const refused = ServerFrame.parse(await socket.until(({ type }) => type === "error"));
    assert.ok(refused.type === "error");
    assert.equal(refused.data.code, "RATE_LIMITED");
    assert.ok(Number(refused.data.details?.retryAfterSeconds) > 0);
    for (let i = 0; i < 1_000; i++) socket.send({ type: "ping", requestId: `q${i}` });
    assert.equal(await socket.closed, 4029);
  });

  test("[CON-5] places are limited, in all and by address; a place that is left is free again", async () => {
    await using perAddress = await startTestCompanion({ environment: { CONNECTIONS_PER_ADDRESS: "2" } });
    const sockets = [await perAddress.socket(), await perAddress.socket()];
    await assert.rejects(perAddress.socket(), /429 RATE_LIMITED/);
    sockets[0]?.ws.close();
    await sockets[0]?.closed;
    (await retryUntil(() => perAddress.socket())).ws.close();
    await using total = await startTestCompanion({ environment: { CONNECTIONS_MAX: "1" } });
    const first = await total.socket();
    assert.equal(await (await total.socket()).closed, 1013);
    assert.equal((await first.ask("ping")).type, "pong");
  });

  test("[CON-6] a newer connection of the same client replaces the older; another protocol version is told", async () => {
    await using server = await startTestCompanion();
    const clientId = randomUUID();
    const older = await server.socket(`clientId=${clientId}`);
    const newer = await server.socket(`clientId=${clientId}`);
    assert.equal(await older.closed, 4509);
    assert.equal((await newer.ask("ping")).type, "pong");
    assert.equal(await (await server.socket("protocol=2")).closed, 4510);
  });

  test("[CON-7] a connection that does not answer pings is ended", async () => {
    await using server = await startTestCompanion({ environment: { HEARTBEAT_SECONDS: "0.2" } });
    const deaf = await server.socket();
    const lively = await server.socket();
    // Paused, it neither reads the pings nor answers them; the client library would.
    deaf.ws.pause();
    await retryUntil(async () => {
      const closed = server.logged.filter((line) => line.includes("connection closed"));
      if (closed.length !== 1) throw new Error("not yet");
    });
    assert.equal((await lively.ask("ping")).type, "pong");
    deaf.ws.terminate();
  });

  test("[DEL-9] a client that takes nothing costs nothing, is sent away, and goes on from its position", async () => {
    const big = "x".repeat(20_000);
    await using server = await startTestCompanion({
      environment: { STALLED_SECONDS: "0.3" },
      async script(agent) {
        for (let i = 0; i < 1_500; i++) agent.useTool("Read", { i }, big);
      },
    });
    const sessionId = await createSession(server);
    const slow = await server.socket();
    await slow.ask("subscribe", { sessionId, after: 0 });
    const { seq: first } = await slow
      .until(() => true)
      .then(async () => {
        await server.api(`/api/sessions/${sessionId}/messages`, {
          method: "POST",
          body: { content: "go" },
          headers: { "idempotency-key": "go" },
        });
        return slow.until(({ type }) => type === "humanMessage");
      });
    slow.ws.pause();
    await retryUntil(async () => {
      if (!server.logged.some((line) => line.includes('"code":4008') || line.includes('"code":1006')))
        throw new Error("not yet");
    });
    slow.ws.terminate();
    const again = await server.socket();
    await again.ask("subscribe", { sessionId, after: first });
    await again.until(({ type }) => type === "turnCompleted");
    const seqs = again.frames.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => i + 1 + Number(first)),
    );
  });

  test("[DEL-10] a client that acknowledges is not sent more than its window ahead", async () => {
    const big = "x".repeat(4_000);
    await using server = await startTestCompanion({
      async script(agent) {
        for (let i = 0; i < 200; i++) agent.useTool("Read", { i }, big);
      },
    });
    const sessionId = await createSession(server);
    const socket = await server.socket("window=32768");
    await socket.ask("subscribe", { sessionId, after: 0 });
    await server.api(`/api/sessions/${sessionId}/messages`, {
      method: "POST",
      body: { content: "go" },
      headers: { "idempotency-key": "go" },
    });
    const hello = await socket.until(({ type }) => type === "humanMessage");
    await socket.ask("acknowledge", { sessionId, seq: hello.seq });
    const bytes = () => JSON.stringify(socket.frames).length;
    const newest = () => Math.max(...socket.frames.map(({ seq }) => seq ?? 0));
    await socket.until(() => bytes() > 32_768);
    await socket.ask("ping");
    await socket.ask("ping");
    // One page may be under way when the window closes.
    const ahead = bytes();
    assert.ok(ahead < 32_768 + 3 * 65_536, `${ahead} bytes were sent`);
    while (!socket.frames.some(({ type }) => type === "turnCompleted")) {
      await socket.ask("acknowledge", { sessionId, seq: newest() });
    }
    const seqs = socket.frames.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => i + 1),
    );
  });

  test("[CMD-1] watchSessions lists the sessions and tells their changes live, with what waits for an answer in full", async () => {
    await using server = await startTestCompanion();
    const watcher = await server.socket();
    const empty = await watcher.ask("watchSessions");
    assert.deepEqual((empty.data as { sessions?: unknown }).sessions, []);
    const sessionId = await createSession(server);
    await watcher.until(({ type }) => type === "sessionUpdated");
    await server.api(`/api/sessions/${sessionId}/messages`, {
      method: "POST",
      body: { content: "ask" },
      headers: { "idempotency-key": "1" },
    });
    const waiting = await watcher.until(
      ({ type, data }) =>
        type === "sessionUpdated" &&
        (data as unknown as { session: { pendingPermissions: unknown[] } }).session.pendingPermissions.length > 0,
    );
    const { session } = waiting.data as unknown as {
      session: { status: string; pendingPermissions: { title: string }[] };
    };
    assert.equal(session.pendingPermissions[0]?.title, "The agent wants to write");
    await watcher.until(
      ({ type, data }) => type === "sessionStatus" && (data as unknown as { status: string }).status === "waiting",
    );
    assert.ok(watcher.frames.every(({ seq }) => seq === undefined));
    // Somebody who comes later is told in full as well.
    const late = await (await server.socket()).ask("watchSessions");
    assert.equal(
      (late.data as unknown as { sessions: { pendingPermissions: unknown[] }[] }).sessions[0]?.pendingPermissions
        .length,
      1,
    );
  });

  test("[CMD-2] every command on an unknown session is SESSION_NOT_FOUND; unknown permissions and modes are told", async () => {
    await using server = await startTestCompanion();
    const socket = await server.socket();
    const sessionId = randomUUID();
    const commands: [string, object][] = [
      ["subscribe", { sessionId }],
      ["acknowledge", { sessionId, seq: 1 }],
      ["sendMessage", { sessionId, messageId: randomUUID(), content: "hi" }],
      ["interrupt", { sessionId }],
      ["respondPermission", { sessionId, permissionId: "p", decision: "allow" }],
      ["setModel", { sessionId, model: "m" }],
      ["setPermissionMode", { sessionId, permissionMode: "plan" }],
      ["sessionBackgrounded", { sessionId }],
      ["sessionForegrounded", { sessionId }],
      ["endSession", { sessionId }],
    ];
    for (const [type, data] of commands) {
      const { data: error } = await socket.ask(type, data);
      assert.equal((error as { code?: string }).code, "SESSION_NOT_FOUND", type);
    }
    const own = await createSession(server);
    const codeOf = async (type: string, data: object) =>
      ((await socket.ask(type, data)).data as { code?: string }).code;
    assert.equal(
      await codeOf("respondPermission", { sessionId: own, permissionId: "nothing", decision: "allow" }),
      "PERMISSION_NOT_FOUND",
    );
    assert.equal(
      await codeOf("setPermissionMode", { sessionId: own, permissionMode: "bypassPermissions" }),
      "INVALID_REQUEST",
    );
    await socket.ask("endSession", { sessionId: own });
    assert.equal(
      await codeOf("sendMessage", { sessionId: own, messageId: randomUUID(), content: "hi" }),
      "SESSION_ENDED",
    );
  });

  test("[CMD-3] a session is in the foreground while a device looks at it: until it says otherwise or is gone", async () => {
    await using server = await startTestCompanion();
    const sessionId = await createSession(server);
    const backgrounded = async () =>
      ((await server.api(`/api/sessions/${sessionId}`)).body as { session: { backgrounded: boolean } }).session
        .backgrounded;
    const socket = await server.socket(`deviceId=${randomUUID()}`);
    assert.equal(await backgrounded(), true);
    await socket.ask("sessionForegrounded", { sessionId });
    assert.equal(await backgrounded(), false);
    await socket.ask("sessionBackgrounded", { sessionId });
    assert.equal(await backgrounded(), true);
    await socket.ask("sessionForegrounded", { sessionId });
    socket.ws.terminate();
    await retryUntil(async () => assert.equal(await backgrounded(), true));
  });

  test("[CLO-1] a server that stops tells its clients 1001, after all that was under way", async () => {
    const server = await startTestCompanion();
    const sessionId = await createSession(server);
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId, after: 0 });
    await server.api(`/api/sessions/${sessionId}/messages`, {
      method: "POST",
      body: { content: "hi" },
      headers: { "idempotency-key": "1" },
    });
    await server[Symbol.asyncDispose]();
    assert.equal(await socket.closed, 1001);
    assert.ok(socket.frames.some(({ type }) => type === "humanMessage"));
  });
});

/** Tries until it works: for what the other side notices a moment later. */
async function retryUntil<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries > 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
