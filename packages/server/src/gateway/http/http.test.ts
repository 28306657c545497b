import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { commands, errorCodes, ServerFrame } from "@claude-companion/protocol";
import { limitFiles } from "../../../../../e2e/kit/processes.ts";
import { startTestCompanion, type TestCompanion, testToken } from "../../companion.fixture.ts";

type Problem = {
  code: string;
  detail: string;
  status: number;
  requestId: string;
  details?: { issues?: { path: string }[] };
};
const make = async (server: TestCompanion, body: object = {}) =>
  (await server.api("/api/sessions", { method: "POST", body: { workingDirectory: server.project, ...body } })).body as {
    session: { sessionId: string; status: string };
    reused: boolean;
  };

describe("the REST door", () => {
  test("[RST-1] a session's life over REST: made, found again, spoken to, read, interrupted, ended", async () => {
    await using server = await startTestCompanion();
    const made = await make(server);
    assert.equal(made.reused, false);
    const again = await server.api("/api/sessions", {
      method: "POST",
      body: { workingDirectory: `${server.project}/../one/` },
    });
    assert.deepEqual(
      [again.status, (again.body as typeof made).session.sessionId, (again.body as typeof made).reused],
      [200, made.session.sessionId, true],
    );
    const path = `/api/sessions/${made.session.sessionId}`;
    const sent = await server.api(`${path}/messages`, {
      method: "POST",
      body: { messageId: randomUUID(), content: "hello" },
    });
    assert.equal(sent.status, 202);
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId: made.session.sessionId, after: 0 });
    await socket.until(({ type }) => type === "turnCompleted");
    const page = (await server.api(`${path}/events?after=1&limit=2`)).body as {
      firstSeq: number;
      lastSeq: number;
      events: { seq: number }[];
    };
    assert.deepEqual(
      page.events.map(({ seq }) => seq),
      [2, 3],
    );
    assert.ok(page.events.every((event) => ServerFrame.safeParse(event).success));
    assert.equal(
      ((await server.api(`${path}/interrupt`, { method: "POST" })).body as { interrupted: boolean }).interrupted,
      false,
    );
    const list = (await server.api("/api/sessions")).body as { sessions: { unread: number }[] };
    assert.equal(list.sessions.length, 1);
    assert.ok(Number(list.sessions[0]?.unread) > 5);
    assert.equal((await server.api(path, { method: "DELETE" })).status, 200);
    assert.deepEqual(((await server.api("/api/sessions")).body as typeof list).sessions, []);
    assert.equal(((await server.api(path)).body as { session: { status: string } }).session.status, "ended");
  });

  test("[RST-2] the same request twice counts once, by messageId, sessionId or Idempotency-Key", async () => {
    await using server = await startTestCompanion();
    const key = { "idempotency-key": "create-1" };
    const first = await server.api("/api/sessions", {
      method: "POST",
      body: { workingDirectory: server.project, reuse: false },
      headers: key,
    });
    const second = await server.api("/api/sessions", {
      method: "POST",
      body: { workingDirectory: server.project, reuse: false },
      headers: key,
    });
    const idOf = ({ body }: typeof first) => (body as { session: { sessionId: string } }).session.sessionId;
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.equal(idOf(second), idOf(first));
    const path = `/api/sessions/${idOf(first)}/messages`;
    const sends = await Promise.all(
      [1, 2, 3].map(() =>
        server.api(path, { method: "POST", body: { content: "once" }, headers: { "idempotency-key": "m-1" } }),
      ),
    );
    assert.equal(new Set(sends.map(({ body }) => JSON.stringify(body))).size, 1);
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId: idOf(first), after: 0 });
    await socket.until(({ type }) => type === "turnCompleted");
    assert.deepEqual([...server.provider.worked.values()], [["once"]]);
  });

  test("[SES-19] sessions are renamed, archived, tagged, searched and listed page by page", async () => {
    await using server = await startTestCompanion();
    const ids: string[] = [];
    for (const title of ["Fix the login", "Write the tests", "Login page, again"]) {
      const { session } = await make(server, { reuse: false, title });
      ids.push(session.sessionId);
    }
    type List = { sessions: { sessionId: string; title: string; tags: string[] }[]; next?: string };
    const list = async (query: string) => (await server.api(`/api/sessions?${query}`)).body as List;
    const titles = async (query: string) => (await list(query)).sessions.map(({ title }) => title);
    assert.deepEqual(new Set(await titles("search=LOGIN")), new Set(["Fix the login", "Login page, again"]));
    assert.deepEqual(await titles("search=login%20again"), ["Login page, again"]);
    const put = (id: string | undefined, body: object) => server.api(`/api/sessions/${id}`, { method: "PUT", body });
    assert.equal((await put(ids[0], { title: "  Mend the login ", tags: ["urgent"] })).status, 200);
    assert.deepEqual(await titles("tag=urgent"), ["Mend the login"]);
    assert.equal((await put(ids[1], { archived: true })).status, 200);
    assert.equal((await titles("")).length, 2);
    assert.deepEqual(await titles("archived=true"), ["Write the tests"]);
    assert.equal((await put(ids[1], { title: "" })).status, 400);
    assert.equal((await put(ids[1], { archived: false })).status, 200);
    const seen: string[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const page: List = await list(`limit=1${next === "" ? "" : `&before=${encodeURIComponent(next)}`}`);
      seen.push(...page.sessions.map(({ sessionId }) => sessionId));
      next = page.next;
    }
    assert.deepEqual(new Set(seen), new Set(ids));
    assert.equal(seen.length, 3);
    for (const bad of ["limit=0", "limit=x", "archived=perhaps"])
      assert.equal((await server.api(`/api/sessions?${bad}`)).status, 400, bad);
  });

  test("[RST-10] what was said is searched in all of one's sessions, ended ones too, and in nobody else's, page by page", async () => {
    await using server = await startTestCompanion();
    const { session } = await make(server, { title: "A talk" });
    const path = `/api/sessions/${session.sessionId}/messages`;
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId: session.sessionId, after: 0 });
    for (const content of ["about sparrows", "about swallows"]) {
      await server.api(path, { method: "POST", body: { messageId: randomUUID(), content } });
      await socket.until(({ type, data }) => type === "assistantMessage" && JSON.stringify(data).includes(content));
    }
    type Found = {
      hits: { title: string; text: string; seq: number; highlights: [number, number][] }[];
      next?: string;
    };
    const find = async (query: string) => (await server.api(`/api/search?${query}`)).body as Found;
    const { hits } = await find("query=SPARR");
    assert.deepEqual(new Set(hits.map(({ text }) => text)), new Set(["about sparrows", "you said about sparrows"]));
    assert.ok(hits.every(({ title }) => title === "A talk"));
    const pages: Found[] = [await find("query=about&limit=3")];
    pages.push(await find(`query=about&limit=3&before=${pages[0]?.next}`));
    assert.deepEqual(
      pages.map((page) => page.hits.length),
      [3, 1],
    );
    assert.equal(pages[1]?.next, undefined);
    assert.deepEqual((await find(`query=about&sessionId=${randomUUID()}`)).hits, []);
    for (const odd of ["%22", "%25%2A", "a%20OR%20b%29", "%00"])
      assert.deepEqual((await find(`query=${odd}`)).hits, []);
    await server.api(`/api/sessions/${session.sessionId}`, { method: "DELETE" });
    assert.equal((await find("query=SPARR")).hits.length, 2);
    assert.equal((await server.api("/api/search")).status, 400);
    assert.equal((await server.api("/api/search?query=a&before=-1")).status, 400);
  });

  test("[RST-11] what has not changed is not sent again", async () => {
    await using server = await startTestCompanion();
    await make(server);
    for (const headers of [{}, { "accept-encoding": "gzip" }] as Record<string, string>[]) {
      const first = await server.api("/api/sessions", { headers });
      const tag = first.headers.get("etag") ?? "";
      assert.match(tag, /^W\/"/);
      assert.equal(first.headers.get("cache-control"), "private, no-cache");
      const again = await server.api("/api/sessions", { headers: { ...headers, "if-none-match": tag } });
      assert.deepEqual([again.status, again.body], [304, ""]);
    }
    const { headers } = await server.api("/api/sessions");
    await make(server, { reuse: false });
    const changed = await server.api("/api/sessions", { headers: { "if-none-match": headers.get("etag") ?? "" } });
    assert.equal(changed.status, 200);
  });

  test("[RST-12] turns, tokens and cost are summed by day, session and project, each turn once", async () => {
    await using server = await startTestCompanion({
      async script(agent, text) {
        const data = { result: "success" as const, costUsd: Number(text), durationMs: 10, usage };
        const event = { kind: "durable" as const, id: `turn-${text}`, event: { type: "turnCompleted" as const, data } };
        agent.emit(event);
        // Told again later, as by an agent that was attached to, and together with something else.
        await new Promise((resolve) => setTimeout(resolve, 5));
        agent.emit(event);
        await agent.say("and on");
      },
    });
    const usage = { inputTokens: 3, outputTokens: 2, cacheReadTokens: 1, cacheCreationTokens: 0 };
    const socket = await server.socket();
    const ids: string[] = [];
    for (const texts of [["1", "2"], ["4"]]) {
      const { sessionId } = (await make(server, { reuse: false })).session;
      ids.push(sessionId);
      await socket.ask("subscribe", { sessionId, after: 0 });
      for (const text of texts) {
        await server.api(`/api/sessions/${sessionId}/messages`, {
          method: "POST",
          body: { messageId: randomUUID(), content: text },
        });
        await socket.until(({ type, data }) => type === "turnCompleted" && Number(data.costUsd) === Number(text));
      }
      const done = texts.length;
      await socket.until(
        () =>
          socket.frames.filter(
            (frame) => frame.sessionId === sessionId && JSON.stringify(frame.data).includes("answered"),
          ).length === done,
      );
    }
    type Found = {
      total: { turns: number; costUsd: number };
      groups: { key: string; costUsd: number; turns: number }[];
    };
    const get = async (query: string) => (await server.api(`/api/usage?${query}`)).body as Found;
    const bySession = await get("by=session");
    // What the agent told twice counts once; its own account of the turn costs nothing.
    assert.equal(bySession.total.costUsd, 7);
    assert.deepEqual(
      new Map(bySession.groups.map(({ key, costUsd }) => [key, costUsd])),
      new Map([
        [ids[0] ?? "", 3],
        [ids[1] ?? "", 4],
      ]),
    );
    assert.deepEqual(
      (await get("by=project")).groups.map(({ key, costUsd }) => [key, costUsd]),
      [[server.project, 7]],
    );
    const today = new Date().toISOString().slice(0, 10);
    assert.ok((await get("timeZone=UTC")).groups.every(({ key }) => key <= today && key >= "2026"));
    assert.equal((await get(`sessionId=${ids[1]}`)).total.costUsd, 4);
    assert.equal((await get("to=2026-01-01T00:00:00.000Z")).total.turns, 0);
    assert.equal((await get("from=2126-01-01T00:00:00.000Z")).total.turns, 0);
    assert.equal((await server.api("/api/usage?timeZone=Mars/Base")).status, 400);
  });

  test("[RST-13] a deleted session is gone, also while it works, and its id can begin anew", async () => {
    await using server = await startTestCompanion();
    const { sessionId } = (await make(server)).session;
    const socket = await server.socket();
    await socket.ask("subscribe", { sessionId, after: 0 });
    const send = (content: string) =>
      server.api(`/api/sessions/${sessionId}/messages`, { method: "POST", body: { messageId: randomUUID(), content } });
    await send("ask");
    await socket.until(({ type }) => type === "permissionRequest");
    await send("waits");
    const { status } = await server.api(`/api/sessions/${sessionId}/data`, { method: "DELETE" });
    assert.equal(status, 200);
    await socket.until(({ type, data }) => type === "sessionStatus" && String(data.status) === "ended");
    for (const path of ["", "/events", "/history", "/queue"])
      assert.equal((await server.api(`/api/sessions/${sessionId}${path}`)).status, 404, path);
    assert.equal((await server.api(`/api/sessions/${sessionId}/data`, { method: "DELETE" })).status, 404);
    assert.deepEqual(((await server.api("/api/search?query=waits")).body as { hits: unknown[] }).hits, []);
    assert.equal((await server.socket("deviceId=x")).frames.length > 0, true);
    const anew = await make(server, { sessionId });
    assert.equal(anew.session.sessionId, sessionId);
    await send("hello");
    const other = await server.socket();
    await other.ask("subscribe", { sessionId, after: 0 });
    const first = await other.until(({ seq }) => seq === 1);
    assert.equal(first.type, "humanMessage");
    await other.until(({ type }) => type === "turnCompleted");
  });

  test("[RST-3] what is wrong with a request is told as a problem with code, place and request id", async () => {
    await using server = await startTestCompanion({ environment: { FRAME_BYTES_MAX: "4096" } });
    const { session } = await make(server);
    const path = `/api/sessions/${session.sessionId}`;
    const problem = async (url: string, init: Parameters<TestCompanion["api"]>[1], code: string, where?: RegExp) => {
      const { status, body, headers } = await server.api(url, init);
      const found = body as Problem;
      assert.equal(found.code, code, `${url}: ${JSON.stringify(body)}`);
      assert.equal(status, errorCodes[code as keyof typeof errorCodes].status);
      assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.equal(found.requestId, headers.get("x-request-id"));
      if (where) assert.match(JSON.stringify(found), where);
    };
    const post = (body: unknown) => ({ method: "POST", body });
    await problem("/api/sessions", post("{broken"), "INVALID_REQUEST", /JSON/);
    await problem("/api/sessions", post({}), "INVALID_REQUEST", /workingDirectory/);
    await problem("/api/sessions", post({ workingDirectory: 7 }), "INVALID_REQUEST", /workingDirectory/);
    await problem("/api/sessions", post({ workingDirectory: "relative" }), "DIRECTORY_NOT_ALLOWED");
    await problem(
      "/api/sessions",
      post({ workingDirectory: join(server.root, "data") }),
      "DIRECTORY_NOT_ALLOWED",
      /outside the allowed roots/,
    );
    await problem(
      "/api/sessions",
      post({ workingDirectory: server.project, agent: "nobody" }),
      "AGENT_UNAVAILABLE",
      /Choose one of: scripted/,
    );
    await problem(
      "/api/sessions",
      post({ workingDirectory: server.project, permissionMode: "bypassPermissions" }),
      "INVALID_REQUEST",
      /Choose one of/,
    );
    await problem(`${path}/messages`, post({ content: "no id" }), "INVALID_REQUEST", /messageId/);
    await problem(
      `${path}/messages`,
      post({ messageId: randomUUID(), content: "x".repeat(5_000) }),
      "PAYLOAD_TOO_LARGE",
    );
    await problem(`/api/sessions/${randomUUID()}`, {}, "SESSION_NOT_FOUND");
    await problem("/api/sessions/not-a-uuid", {}, "INVALID_REQUEST", /sessionId/);
    await problem(`${path}/permissions/nothing`, post({ decision: "allow" }), "PERMISSION_NOT_FOUND");
    await problem(`${path}/permissions/nothing`, post({ decision: "perhaps" }), "INVALID_REQUEST", /decision/);
    await problem(`${path}/nowhere`, {}, "NOT_FOUND");
    await problem(
      "/api/sessions",
      { ...post({}), headers: { authorization: "Bearer wrong" } },
      "AUTHENTICATION_REQUIRED",
    );
    await problem("/api/sessions", { headers: { origin: "https://evil.example" } }, "FORBIDDEN", /ALLOWED_ORIGINS/);
    await problem(
      "/api/sessions",
      { headers: { "content-type": "text/plain" }, method: "POST", body: "hi" },
      "INVALID_REQUEST",
    );
  });

  test("[RST-4] a name that was rebound to this machine gets nothing; an id of the client comes back, a bad one does not", async () => {
    await using server = await startTestCompanion();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      request({ hostname, port, path: "/health", headers: { host: "evil.example" } }, (response) =>
        resolve(response.statusCode),
      )
        .on("error", reject)
        .end();
    });
    assert.equal(status, 403);
    assert.equal(
      (await server.api("/api/agents", { headers: { "x-request-id": "mine-1" } })).headers.get("x-request-id"),
      "mine-1",
    );
    assert.notEqual(
      (await server.api("/api/agents", { headers: { "x-request-id": "a b" } })).headers.get("x-request-id"),
      "a b",
    );
  });

  test("[RST-5] too many requests are refused with the time to wait", async () => {
    await using server = await startTestCompanion({ environment: { COMMANDS_PER_SECOND: "2" } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.api("/api/agents")));
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 10 && refused.length <= 12, `${refused.length} were refused`);
    assert.ok(Number(refused[0]?.headers.get("retry-after")) >= 1);
  });

  test("[RST-6] OpenAPI 3.1 describes every command, and there is a page to read it", async () => {
    await using server = await startTestCompanion();
    const { openapi, paths } = (await server.api("/openapi.json")).body as {
      openapi: string;
      paths: Record<string, Record<string, { operationId?: string }>>;
    };
    assert.equal(openapi, "3.1.0");
    const operations = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    for (const [type, { connection }] of Object.entries(commands))
      if (!connection) assert.ok(operations.includes(type), type);
    assert.equal((await server.api("/docs")).status, 200);
  });

  test("[RST-7] large answers are compressed for who takes it", async () => {
    await using server = await startTestCompanion();
    const { headers } = await server.api("/openapi.json", { headers: { "accept-encoding": "gzip" } });
    assert.equal(headers.get("content-encoding"), "gzip");
  });

  test("[RST-8] the printed address opens the web app, which runs nothing but its own files", async () => {
    await using server = await startTestCompanion();
    for (const path of [`/?token=${testToken}`, "/new", `/session/${randomUUID()}`]) {
      const { status, body, headers } = await server.api(path);
      assert.equal(status, 200);
      const html = String(body);
      assert.match(html, /<script type="module" crossorigin src="\/assets\/[\w-]+\.js">/);
      assert.ok(!html.includes(testToken) && !/<script[^>]*>[^<]/.test(html), "no script stands in the page");
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';/);
      assert.equal(headers.get("referrer-policy"), "no-referrer");
    }
    assert.equal((await server.api("/assets/../../package.json")).status, 404);
  });

  test("[RST-9] a page of an allowed origin may use the API, and another's may not", async () => {
    await using server = await startTestCompanion({ environment: { ALLOWED_ORIGINS: "https://app.example" } });
    const preflight = (origin: string) =>
      server.api("/api/sessions", {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type",
          authorization: "",
        },
      });
    const allowed = await preflight("https://app.example");
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
    assert.match(allowed.headers.get("access-control-allow-headers") ?? "", /authorization/);
    const answer = await server.api("/api/sessions", { headers: { origin: "https://app.example" } });
    assert.deepEqual([answer.status, answer.headers.get("access-control-allow-origin")], [200, "https://app.example"]);
    const evil = await preflight("https://evil.example");
    assert.equal(evil.headers.get("access-control-allow-origin"), null);
    assert.equal((await server.api("/api/sessions", { headers: { origin: "https://evil.example" } })).status, 403);
  });

  test("[HLT-1] health tells database, disk, agent, login, memory and push; what names paths only to who has a token", async () => {
    await using server = await startTestCompanion();
    const own = (await server.api("/health")).body as Record<string, never>;
    assert.deepEqual(Object.keys(own), ["status", "version", "claudeCodeAvailable", "checks"]);
    const well = { status: "healthy" };
    assert.deepEqual(own.checks, { database: well, disk: well, claude: well, login: well, memory: well, push: well });
    assert.equal(own.claudeCodeAvailable, true);
    for (const path of ["/health", "/health/live", "/health/ready"])
      assert.equal((await fetch(server.url + path)).status, 200);
  });

  test("[HLT-2] a disk that refuses shows as degraded and is told to all who are connected; reading goes on; then all is well again", async () => {
    await using server = await startTestCompanion();
    const { session } = await make(server);
    const send = (content: string) =>
      server.api(`/api/sessions/${session.sessionId}/messages`, {
        method: "POST",
        body: { messageId: randomUUID(), content },
      });
    const socket = await server.socket();
    assert.ok(limitFiles(process.pid, "1"));
    try {
      assert.deepEqual([(await send("one")).status], [503]);
      const told = await socket.until(({ type }) => type === "error");
      assert.deepEqual([told.data.code, told.requestId], ["STORAGE_FAILED", undefined]);
      const late = await server.socket();
      await late.until(({ type }) => type === "error");
      assert.equal((await server.api(`/api/sessions/${session.sessionId}/events`)).status, 200);
      assert.notEqual(((await server.api("/health")).body as { status: string }).status, "healthy");
    } finally {
      limitFiles(process.pid, "unlimited");
    }
    assert.equal((await send("two")).status, 202);
    // The answer is kept for a second, so that asking often costs nothing.
    while (((await server.api("/health")).body as { status: string }).status !== "healthy");
  });

  test("[HLT-3] a server that stops says that it is not ready while it tells its clients", async () => {
    await using server = await startTestCompanion();
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
    const socket = await server.socket();
    // A client that does not hear the goodbye is waited for, a little.
    socket.ws.pause();
    const closing = server.companion.close();
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 503);
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
    socket.ws.resume();
    await closing;
    assert.equal(await socket.closed, 1001);
  });

  test("[SEC-2] tokens and what people write do not reach the log", async () => {
    await using server = await startTestCompanion({ environment: { LOG_LEVEL: "trace" } });
    const { session } = await make(server);
    const secret = "my password is tulip";
    await server.api(`/api/sessions/${session.sessionId}/messages`, {
      method: "POST",
      body: { messageId: randomUUID(), content: secret },
    });
    const socket = await server.socket(`token=${testToken}`, {});
    await socket.ask("subscribe", { sessionId: session.sessionId, after: 0 });
    await socket.until(({ type }) => type === "turnCompleted");
    await server.api("/api/sessions?token=wrong-token-in-a-url", { headers: { authorization: "" } });
    const log = server.logged.join("");
    assert.ok(log.length > 100);
    for (const forbidden of [testToken, "tulip", "wrong-token-in-a-url"])
      assert.ok(!log.includes(forbidden), forbidden);
  });

  test("[DIR-1] a file, a link that leads out, another spelling, a missing directory: refused", async () => {
    await using server = await startTestCompanion();
    await writeFile(join(server.project, "file"), "");
    await mkdir(join(server.root, "outside"));
    const { symlink } = await import("node:fs/promises");
    await symlink(join(server.root, "outside"), join(server.project, "link"));
    for (const workingDirectory of [
      join(server.project, "file"),
      join(server.project, "link"),
      `${server.project}/../../outside`,
      join(server.project, "missing"),
      `${server.project}\0`,
      "/",
      "~root",
    ]) {
      const { body } = await server.api("/api/sessions", { method: "POST", body: { workingDirectory } });
      assert.equal((body as Problem).code, "DIRECTORY_NOT_ALLOWED", workingDirectory);
    }
    await symlink(server.project, join(server.root, "projects", "alias"));
    const [real, alias] = [
      await make(server),
      await make(server, { workingDirectory: join(server.root, "projects", "alias") }),
    ];
    assert.equal(alias.session.sessionId, real.session.sessionId, "one directory, one session");
  });
});
