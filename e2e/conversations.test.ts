import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { prompt } from "./kit/directive.ts";
import { exitOf } from "./kit/lines.ts";
import { type Model, startModel } from "./kit/model.ts";
import type { Place } from "./kit/server.ts";
import { startClaude } from "./kit/terminal.ts";
import { watch } from "./kit/watcher.ts";
import { startWorld, type World } from "./kit/world.ts";

type Item = { type: string; seq?: number; data: { content?: unknown; messageId?: string } };

async function inTerminal(place: Place, ...args: string[]): Promise<void> {
  const child = startClaude(place, ["-p", ...args]);
  child.stdin.end();
  child.stdout.resume();
  assert.equal(await exitOf(child), 0);
}

/** A process of somebody else that has a conversation, and is asked something in it. */
async function inStreams(place: Place, conversationId: string, content: string) {
  const streams = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
  const child = startClaude(place, ["-p", "--resume", conversationId, ...streams]);
  child.stdin.write(`${JSON.stringify({ type: "user", message: { role: "user", content } })}\n`);
  await once(child.stdout, "data");
  child.stdout.resume();
  return child;
}

describe("conversations, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  async function history(world: World, sessionId: string, limit = 3): Promise<Item[]> {
    const items: Item[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const before: string = next === "" ? "" : `&before=${next}`;
      const { body, status } = await world.api("GET", `/api/sessions/${sessionId}/history?limit=${limit}${before}`);
      assert.equal(status, 200, JSON.stringify(body));
      const page: { items: Item[]; next?: string } = body;
      items.unshift(...page.items);
      next = page.next;
    }
    return items;
  }
  const told = (items: Item[]) =>
    items.flatMap(({ type, data }) =>
      type === "humanMessage" || type === "assistantMessage" ? [JSON.stringify(data.content)] : [],
    );

  test("[E2E-23] a conversation of a terminal is listed after the first start, read back, and gone on with; while a process of somebody else has it, it is followed live and not written to", async () => {
    const conversationId = randomUUID();
    await using world = await startWorld(model, {}, (place) =>
      inTerminal(place, prompt({ say: "from the terminal" }), "--session-id", conversationId),
    );
    const device = await world.server.device("phone");
    const { conversations } = await device.request("listConversations", {});
    assert.deepEqual(
      conversations.map(({ conversationId: id, workingDirectory, running }) => [id, workingDirectory, running]),
      [[conversationId, world.place.project, false]],
    );
    const adopt = { workingDirectory: world.place.project, conversationId };
    const { session } = await device.request("createSession", adopt);
    const { sessionId } = session;
    assert.equal((await device.request("createSession", adopt)).session.sessionId, sessionId);
    assert.equal((await device.request("listConversations", {})).conversations[0]?.sessionId, sessionId);
    const [asked, said] = told(await history(world, sessionId));
    assert.match(asked ?? "", /from the terminal/);
    assert.match(said ?? "", /^\[\{"type":"text","text":"from the terminal"\}\]$/);
    await assert.rejects(device.request("createSession", { ...adopt, conversationId: randomUUID() }), {
      code: "NOT_FOUND",
    });

    // Somebody else has it.
    const other = await inStreams(world.place, conversationId, prompt({ say: "from elsewhere" }));
    const view = watch(device.subscribe(sessionId));
    const blocked = await view.until("sessionUpdated", ({ data }) => data.obstacle?.kind === "terminal");
    assert.match(blocked.data.obstacle?.text ?? "", new RegExp(`process ${other.pid}`));
    const again = { type: "user", message: { role: "user", content: prompt({ say: "live from elsewhere" }) } };
    other.stdin.write(`${JSON.stringify(again)}\n`);
    // What is said there is told here.
    await view.until("assistantMessage", ({ data }) => JSON.stringify(data.content).includes("live from elsewhere"));
    const waits = await device.send(sessionId, prompt({ say: "gone on from the phone" }));
    await setTimeout(1_500);
    assert.equal(await model.asked("gone on from the phone"), 0);
    other.stdin.end();
    await exitOf(other);
    await view.until("sessionUpdated", ({ data }) => data.obstacle === null);
    await view.until("messageState", ({ data }) => data.messageId === waits.messageId && data.state === "answered");
    const all = told(await history(world, sessionId));
    assert.equal(all.length, 8);
    for (const [i, words] of ["the terminal", "elsewhere", "live from elsewhere", "the phone"].entries())
      for (const text of all.slice(2 * i, 2 * i + 2)) assert.ok(text.includes(words), `${i}: ${text}`);
  });

  test("[E2E-31] a session of ours that is taken up in a terminal tells what is said there, once, and goes on from it", async () => {
    await using world = await startWorld(model);
    const { device, sessionId, view } = await world.session();
    const read = { name: "Glob", input: { pattern: "*.txt" } };
    await device.send(sessionId, prompt({ think: "hm", say: "I look.", tools: [read] }, { say: "begun here" }));
    await view.until("turnCompleted");
    await view.idle();
    const other = await inStreams(world.place, sessionId, prompt({ say: "said at the desk" }));
    await view.until("assistantMessage", ({ data }) => JSON.stringify(data.content).includes("said at the desk"));
    const { messageId } = await device.send(sessionId, prompt({ say: "back on the phone" }));
    other.stdin.end();
    await exitOf(other);
    await view.until("messageState", ({ data }) => data.messageId === messageId && data.state === "answered");
    const all = told(await history(world, sessionId));
    assert.equal(all.length, 8, all.join("\n"));
    assert.match(all.at(-1) ?? "", /back on the phone/);
    const tools = view.frames.filter(({ type }) => type === "toolUse" || type === "toolResult");
    assert.equal(tools.length, 2);
  });

  test("[E2E-24] a session is forked at a message, and each goes on with what it remembers", async () => {
    await using world = await startWorld(model);
    const { device, sessionId, view } = await world.session();
    await assert.rejects(device.request("forkSession", { sessionId }), { code: "CONFLICT" });
    const ids: string[] = [];
    for (const say of ["one", "two"]) {
      const from = view.frames.length;
      ids.push((await device.send(sessionId, prompt({ say }))).messageId);
      await view.until("turnCompleted", () => true, from);
    }
    const { hits } = await device.request("searchMessages", { query: "two", sessionId });
    assert.deepEqual(new Set(hits.map(({ type }) => type)), new Set(["humanMessage", "assistantMessage"]));
    const markdown = await device.request("exportSession", { sessionId });
    assert.ok(markdown.content.includes("## You") && markdown.content.includes("\n## Agent\n\ntwo\n"));
    const json = await device.request("exportSession", { sessionId, format: "json" });
    assert.equal(told(JSON.parse(json.content)).length, 4);
    const { session } = await device.request("forkSession", { sessionId, upToMessageId: ids[0], title: "another way" });
    assert.equal(session.title, "another way");
    assert.notEqual(session.sessionId, sessionId);
    const remembered = told(await history(world, session.sessionId));
    assert.ok(remembered.every((text) => !text.includes("two")) && remembered[0]?.includes("one"), remembered.join());
    await device.send(session.sessionId, prompt({ say: "three" }));
    await device.send(sessionId, prompt({ say: "four" }));
    await view.until("turnCompleted", ({ data }) => data.text === "four");
    assert.ok(!told(await history(world, sessionId)).some((text) => text.includes("three")));
    await assert.rejects(device.request("forkSession", { sessionId, upToMessageId: randomUUID() }), {
      code: "CONFLICT",
    });
  });
});
