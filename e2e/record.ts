// A session as it goes over the wire, with the real CLI: `npm run record` writes it for whoever writes a client.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { prompt } from "./kit/directive.ts";
import { startModel } from "./kit/model.ts";
import { token } from "./kit/server.ts";
import { startWorld } from "./kit/world.ts";

const file = "docs/reference/recorded-session.jsonl";
const deviceId = "0d9f6a54-3b0e-4c4e-9f5d-1c2b3a495867";

interface Frame {
  type: string;
  requestId?: string;
  seq?: number;
  data: { sessionId?: string; session?: { sessionId: string }; permissionId?: string; status?: string; epoch?: string };
}

await using model = await startModel();
await using world = await startWorld(model);
const lines: { from: "client" | "server"; connection: number; frame: unknown }[] = [];
let connection = 0;
let requests = 0;

/** One connection, all of it recorded. */
async function connect() {
  const mine = ++connection;
  const frames: Frame[] = [];
  const query = new URLSearchParams({ deviceId, deviceName: "Ada's phone", protocol: "1" });
  const { ticket }: { ticket: string } = (await world.api("POST", "/api/auth/ticket")).body;
  query.set("ticket", ticket);
  const socket = new WebSocket(`${world.server.url.replace("http", "ws")}/ws?${query}`);
  socket.addEventListener("message", ({ data }) => {
    const frame: Frame = JSON.parse(String(data));
    frames.push(frame);
    lines.push({ from: "server", connection: mine, frame });
  });
  const until = async (fits: (frame: Frame) => boolean): Promise<Frame> => {
    for (let waits = 0; waits < 2_000; waits++) {
      const found = frames.find(fits);
      if (found) return found;
      await setTimeout(10);
    }
    throw new Error("the frame to be recorded did not come");
  };
  await until(({ type }) => type === "welcome");
  return {
    until,
    async ask(type: string, data: object) {
      const requestId = `c-${++requests}`;
      const frame = { type, requestId, data };
      lines.push({ from: "client", connection: mine, frame });
      socket.send(JSON.stringify(frame));
      return until((answer) => answer.requestId === requestId);
    },
    /** The network is gone, without a word. */
    cut: () => socket.close(),
  };
}

const write = { name: "Write", input: { file_path: `${world.place.project}/hello.txt`, content: "Hello\n" } };
const first = await connect();
const made = await first.ask("createSession", { workingDirectory: world.place.project });
const sessionId = made.data.session?.sessionId ?? "";
const subscribed = await first.ask("subscribe", { sessionId, after: 0 });
await first.ask("sendMessage", {
  sessionId,
  messageId: randomUUID(),
  content: `Write a greeting.\n${prompt({ say: "I will write it to a file.", tools: [write] }, { say: "It is written." })}`,
});
const asked = await first.until(({ type }) => type === "permissionRequest");
await first.ask("acknowledge", { sessionId, seq: asked.seq });
first.cut();
await setTimeout(300);
const second = await connect();
const { epoch } = subscribed.data;
await second.ask("subscribe", { sessionId, after: asked.seq, epoch });
await second.ask("respondPermission", { sessionId, permissionId: asked.data.permissionId, decision: "allow" });
await second.until(({ type, data }) => type === "sessionStatus" && data.status === "idle");
second.cut();

const text = lines
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("")
  .replaceAll(world.place.directory, "/home/ada")
  .replaceAll(token, "…")
  // What the scripted model is to do stands in the prompt; a person would not have written it.
  .replaceAll(/\\n<<<.*?>>>/g, "");
writeFileSync(file, text);
console.log(`${file}: ${lines.length} frames.`);
