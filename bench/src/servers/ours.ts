// Our whole server with a scripted agent: every event is stored with synchronous=FULL before it is sent to anyone.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCompanion, createScriptedProvider, readConfig, type ScriptedAgent } from "claude-companion-server";
import { serveRequests } from "../control.ts";
import { payloadOf, type ServerRequest, serveLoad } from "./load.ts";

const root = mkdtempSync(join(tmpdir(), "companion-bench-"));
mkdirSync(join(root, "projects"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
const token = "bench-token-0123456789";
const agents = new Map<string, ScriptedAgent>();
const provider = createScriptedProvider({
  async script(agent) {
    agents.set(agent.session.sessionId, agent);
    await agent.until(new Promise<never>(() => {}));
  },
});
const environment = {
  PORT: "0",
  AUTH_TOKEN: token,
  DATA_DIR: join(root, "data"),
  PROJECT_ROOTS: join(root, "projects"),
  LOG_LEVEL: "silent",
  SESSIONS_MAX: "100000",
  AGENTS_MAX: "10000",
  COMMANDS_PER_SECOND: "1000000",
  CONNECTIONS_PER_ADDRESS: "100000",
  STALLED_SECONDS: "3600",
  HEARTBEAT_SECONDS: "600",
};
const companion = await createCompanion(readConfig({ flags: {}, file: {}, environment }), {
  environment: {},
  providers: [provider],
  measures: !process.argv.includes("unmeasured"),
});
const sessions: string[] = [];
let made = 0;
const blocks = new Map<number, { messageId: string; text: string }>();

async function api(path: string, body: object): Promise<{ session: { sessionId: string } }> {
  const response = await fetch(companion.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as never;
}
async function prepare(count: number): Promise<void> {
  while (sessions.length < count) {
    const { session } = await api("/api/sessions", { workingDirectory: join(root, "projects"), reuse: false });
    await api(`/api/sessions/${session.sessionId}/messages`, { messageId: crypto.randomUUID(), content: "go" });
    sessions.push(session.sessionId);
  }
  while (agents.size < count) await new Promise((resolve) => setTimeout(resolve, 10));
}

serveRequests((request: ServerRequest) =>
  serveLoad(request, {
    async prepare(count) {
      await prepare(count);
      return {
        port: Number(new URL(companion.url).port),
        path: `/ws?token=${token}&deviceName=load-%i`,
        hello: ["", JSON.stringify({ type: "subscribe", requestId: "s", data: { sessionId: "%s", after: "latest" } })],
        prefix: '{"type":"agentNotice"',
        sessions,
      };
    },
    say(index, text, last) {
      const agent = agents.get(sessions[index] ?? "");
      const block = blocks.get(index) ?? { messageId: `m${made++}`, text: "" };
      blocks.set(index, block);
      block.text += text;
      const { messageId } = block;
      agent?.emit({ kind: "delta", delta: { messageId, blockIndex: 0, kind: "text", text } });
      if (!last) return;
      blocks.delete(index);
      const data = { messageId, blockIndex: 0, content: [{ type: "text" as const, text: block.text }] };
      agent?.emit({ kind: "durable", id: messageId, event: { type: "assistantMessage", data } });
    },
    async sleepers(count) {
      for (let i = 0; i < count; i += 100) {
        const some = Array.from({ length: Math.min(100, count - i) }, () =>
          api("/api/sessions", { workingDirectory: join(root, "projects"), reuse: false }),
        );
        await Promise.all(some);
      }
      // A session that nobody uses is let go of after half a minute.
      await new Promise((resolve) => setTimeout(resolve, 35_000));
    },
    publish(index, count, bytes) {
      const agent = agents.get(sessions[index] ?? "");
      for (let i = 0; i < count; i++) {
        const data = { kind: "notice" as const, text: payloadOf(bytes) };
        agent?.emit({ kind: "durable", id: `e${made++}`, event: { type: "agentNotice", data } });
      }
    },
  }),
);
