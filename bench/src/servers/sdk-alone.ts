// The Claude CLI driven by its SDK and nothing else: prints what it took as JSON.
import { text } from "node:stream/consumers";
import { query } from "@anthropic-ai/claude-agent-sdk";

const { PROJECT = "" } = process.env;
const prompt = await text(process.stdin);
const begin = { at: 0, cpu: process.cpuUsage() };
let pieces = 0;
const conversation = query({
  prompt,
  options: { cwd: PROJECT, includePartialMessages: true, permissionMode: "default", settingSources: [] },
});
for await (const message of conversation) {
  if (message.type === "stream_event" && message.event.type === "content_block_delta") {
    if (pieces === 0) [begin.at, begin.cpu] = [performance.now(), process.cpuUsage()];
    pieces += 1;
  }
  if (message.type !== "result") continue;
  const { user, system } = process.cpuUsage(begin.cpu);
  const seconds = (performance.now() - begin.at) / 1_000;
  process.stdout.write(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, pieces }));
}
