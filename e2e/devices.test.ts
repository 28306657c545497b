import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createMemory, type SessionFrame } from "@claude-companion/client";
import { layCable } from "./kit/cable.ts";
import { prompt, slowly } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { isDead } from "./kit/processes.ts";
import { makePlace, type Place, runCommand, type Server, startServer } from "./kit/server.ts";
import { essence, liveText, type Watcher, watch } from "./kit/watcher.ts";
import { startWorld } from "./kit/world.ts";

const poem = Array.from({ length: 60 }, (_, i) => `line ${i} of a long poem`).join(", ");
const write = (name: string, content: string) => ({ name: "Write", input: { file_path: name, content } });

describe("several devices, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  const start = (extra: Record<string, string> = {}, modelUrl = model.url) => startWorld({ url: modelUrl }, extra);
  async function session(place: Place, device: Awaited<ReturnType<Server["device"]>>) {
    const { session: created } = await device.request("createSession", { workingDirectory: place.project });
    return created.sessionId;
  }

  test("[E2E-1] two devices see the same stream; one drops in the middle of it, comes back, and has lost nothing and nothing twice", async () => {
    await using world = await start();
    const { place, server } = world;
    await using cable = await layCable(server.url);
    const desk = await server.device("desk");
    const phone = await server.device("phone", { url: cable.url });
    const sessionId = await session(place, desk);
    const [deskView, phoneView] = [watch(desk.subscribe(sessionId)), watch(phone.subscribe(sessionId))];
    await desk.send(
      sessionId,
      slowly(
        10,
        { say: poem, tools: [{ name: "Bash", input: { command: "echo between" } }] },
        { say: `${poem} again` },
      ),
    );
    await phoneView.until("streamData");
    cable.cut();
    await phone.connected();
    await phoneView.until("streamData", () => true, phoneView.frames.length);
    cable.cut();
    await deskView.idle(1);
    await phoneView.idle(1);
    assert.deepEqual(phoneView.stored.map(essence), deskView.stored.map(essence));
    assert.deepEqual(
      phoneView.stored.map((frame) => frame.seq),
      phoneView.stored.map((_, i) => i + 1),
    );
    const said = deskView.frames.flatMap((frame) =>
      frame.type === "assistantMessage"
        ? frame.data.content.map((block) => (block.type === "text" ? block.text : ""))
        : [],
    );
    assert.deepEqual(said, [poem, `${poem} again`]);
    // What was streamed is the beginning of what was said; the stored message brings the last of it.
    for (const [i, text] of liveText(deskView.frames).entries())
      assert.ok(said[i]?.startsWith(text) && text.length > poem.length / 2);
    for (const text of liveText(phoneView.frames)) assert.ok(poem.startsWith(text) || `${poem} again`.startsWith(text));
  });

  test("[E2E-2] a permission is answered from the second device after the first one went away", async () => {
    await using world = await start();
    const { place, server } = world;
    const first = await server.device("first");
    const sessionId = await session(place, first);
    const view = watch(first.subscribe(sessionId));
    await first.send(sessionId, prompt({ tools: [write("from-second.txt", "allowed")] }, { say: "Thank you." }));
    const asked = await view.until("permissionRequest");
    first.close();
    const second = await server.device("second");
    const stream = second.subscribe(sessionId, { after: "latest" });
    const secondView = watch(stream);
    const { status, pendingPermissions } = await stream.subscribed;
    assert.equal(status, "waiting");
    assert.deepEqual(pendingPermissions, [asked.data]);
    const { outcome } = await second.respond(sessionId, asked.data.permissionId, { decision: "allow" });
    assert.equal(outcome.by?.name, "second");
    const applied = await secondView.until("permissionApplied");
    assert.equal(applied.data.permissionId, asked.data.permissionId);
    await secondView.idle();
    assert.equal(await readFile(join(place.project, "from-second.txt"), "utf8"), "allowed");
    await assert.rejects(
      second.request("respondPermission", { sessionId, permissionId: asked.data.permissionId, decision: "deny" }),
      {
        code: "ALREADY_RESOLVED",
        details: { outcome },
      },
    );
  });

  test("[E2E-3] a question of Claude is answered, and Claude gets the answer", async () => {
    await using world = await start();
    const { place, server } = world;
    const device = await server.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    const questions = [
      {
        question: "Tabs or spaces?",
        header: "Style",
        multiSelect: false,
        options: [
          { label: "Tabs", description: "" },
          { label: "Spaces", description: "" },
        ],
      },
    ];
    await device.send(
      sessionId,
      prompt({ tools: [{ name: "AskUserQuestion", input: { questions } }] }, { say: "So be it." }),
    );
    const { data } = await view.until("permissionRequest");
    assert.equal(data.kind, "question");
    assert.equal(data.questions?.[0]?.question, "Tabs or spaces?");
    await device.respond(sessionId, data.permissionId, { decision: "allow", answers: { "Tabs or spaces?": "Spaces" } });
    await view.idle();
    const result = await view.until("toolResult");
    assert.match(JSON.stringify(result.data.content), /Spaces/);
    assert.ok(
      (await model.toolResults()).some((text) => text.includes("Spaces")),
      "the model was told",
    );
  });

  test("[E2E-4] interrupt stops the turn from any device; what was said stays, and the session goes on", async () => {
    await using world = await start();
    const { place, server } = world;
    const [one, two] = [await server.device("one"), await server.device("two")];
    const sessionId = await session(place, one);
    const view = watch(one.subscribe(sessionId));
    await one.send(sessionId, slowly(20, { say: poem }));
    await view.until("streamData");
    assert.deepEqual(await two.request("interrupt", { sessionId }).then(({ interrupted }) => interrupted), true);
    const completed = await view.until("turnCompleted");
    assert.equal(completed.data.result, "interrupted");
    await view.idle();
    const said = view.frames
      .filter((frame) => frame.type === "assistantMessage")
      .map((frame) => JSON.stringify(frame.data.content));
    assert.equal(said.length, 1, "what was said so far is kept");
    const from = view.frames.length;
    await two.send(sessionId, prompt({ say: "On we go." }));
    await view.idle(from);
    assert.match(JSON.stringify(view.frames.slice(from)), /On we go\./);
  });

  test("[E2E-5] the server is restarted between turns: devices and session go on where they were", async () => {
    await using world = await start();
    const { place, server: first } = world;
    const desk = await first.device("desk");
    const phone = await first.device("phone");
    const sessionId = await session(place, desk);
    const [deskView, phoneView] = [watch(desk.subscribe(sessionId)), watch(phone.subscribe(sessionId))];
    await desk.send(sessionId, prompt({ say: "Before the restart." }));
    await deskView.idle();
    assert.equal(await first.stop("SIGTERM"), 0);
    const from = deskView.frames.length;
    const queued = desk.send(sessionId, prompt({ say: "After the restart." }));
    await world.startAgain();
    await queued;
    await deskView.idle(from);
    await phoneView.until(
      "turnCompleted",
      () => true,
      phoneView.frames.findIndex((frame) => frame.type === "turnCompleted") + 1,
    );
    await phoneView.idle(from);
    const numbers = (view: typeof deskView) => view.stored.map((frame) => frame.seq);
    assert.deepEqual(
      numbers(deskView),
      deskView.stored.map((_, i) => i + 1),
    );
    assert.deepEqual(phoneView.stored.map(essence), deskView.stored.map(essence));
    // It is the same conversation: the model was shown what was said before.
    const conversations = deskView.frames.flatMap((frame) =>
      frame.type === "sessionUpdated" ? (frame.data.conversationId ?? []) : [],
    );
    assert.equal(new Set(conversations).size, 1);
    assert.equal(
      deskView.frames.some((frame) => frame.type === "gap"),
      false,
    );
  });

  test("[E2E-6] an idle session hibernates: its process is gone; the next message wakes it, in the same conversation", async () => {
    await using world = await start({ HIBERNATE_AFTER_MINUTES: "0.01" });
    const { place, server } = world;
    const device = await server.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    await device.send(sessionId, prompt({ say: "I am tired." }));
    await view.until("sessionStatus", (frame) => frame.data.status === "hibernated");
    const from = view.frames.length;
    await device.send(sessionId, prompt({ say: "Good morning." }));
    await view.idle(from);
    assert.match(JSON.stringify(view.frames.slice(from)), /Good morning\./);
    assert.equal(
      view.frames.some((frame) => frame.type === "agentNotice" && frame.data.kind === "conversationReset"),
      false,
    );
    const { session: summary } = await device.request("createSession", { workingDirectory: place.project });
    assert.equal(summary.sessionId, sessionId);
    assert.equal(summary.conversationStarted, true);
  });

  test("[E2E-7] a message that is sent twice with one messageId reaches the model once", async () => {
    await using world = await start();
    const { place, server } = world;
    const [one, two] = [await server.device("one"), await server.device("two")];
    const sessionId = await session(place, one);
    const view = watch(one.subscribe(sessionId));
    const messageId = randomUUID();
    const content = prompt({ say: `unique ${messageId}` });
    const [a, b] = await Promise.all([
      one.request("sendMessage", { sessionId, messageId, content }),
      two.request("sendMessage", { sessionId, messageId, content }),
    ]);
    assert.equal(a.seq, b.seq);
    await view.idle();
    const late = await one.request("sendMessage", { sessionId, messageId, content });
    assert.equal(late.seq, a.seq);
    const from = view.frames.length;
    await one.send(sessionId, prompt({ say: "next" }));
    await view.idle(from);
    assert.equal(await model.asked(messageId), 1);
    assert.equal(
      view.frames.filter((frame) => frame.type === "humanMessage" && frame.data.messageId === messageId).length,
      1,
    );
  });

  test("[E2E-8] an app that was closed with an unsent message and comes back as another process goes on with both", async () => {
    await using world = await start();
    const { place, server } = world;
    const storage = createMemory();
    const first = await server.device("app", { storage });
    const sessionId = await session(place, first);
    const view = watch(first.subscribe(sessionId));
    await first.send(sessionId, prompt({ say: "one" }));
    await view.idle();
    first.close();
    // Written while there is no connection, then the app is gone.
    await storage.set("outbox/0000000000000001", {
      sessionId,
      messageId: randomUUID(),
      content: prompt({ say: "two" }),
    });
    const second = await server.device("app", { storage });
    assert.equal(second.deviceId, first.deviceId);
    const secondView = watch(second.subscribe(sessionId));
    await secondView.idle();
    const said = secondView.frames.flatMap((frame) =>
      frame.type === "assistantMessage" ? JSON.stringify(frame.data.content) : [],
    );
    assert.equal(said.length, 1, "only what the app had not seen");
    assert.match(said[0] ?? "", /two/);
    assert.deepEqual(second.unsent(), []);
  });

  test("[E2E-9] without a login, or without the CLI, a message is told what is missing, and the session goes on when it is there", async () => {
    await using world = await start({ ANTHROPIC_API_KEY: "" });
    const device = await world.server.device("phone");
    const sessionId = await session(world.place, device);
    const view = watch(device.subscribe(sessionId));
    await device.send(sessionId, prompt({ say: "hello" }));
    const error = await view.until("error");
    assert.equal(error.data.code, "AGENT_UNAVAILABLE");
    assert.match(error.data.message, /claude auth login/);
    const place = await makePlace(model.url);
    const server = await startServer(place, { CLAUDE_CLI_PATH: "/nowhere/claude" });
    const other = await server.device("phone");
    const { agents } = await other.connected();
    assert.deepEqual([agents[0]?.available, /CLAUDE_CLI_PATH/.test(agents[0]?.reason ?? "")], [false, true]);
    const health = await fetch(`${server.url}/health`).then(
      (answer) => answer.json() as Promise<{ status: string; claudeCodeAvailable: boolean }>,
    );
    assert.deepEqual([health.status, health.claudeCodeAvailable], ["degraded", false]);
    const otherId = await session(place, other);
    const otherView = watch(other.subscribe(otherId));
    await other.send(otherId, prompt({ say: "later" }));
    assert.equal((await otherView.until("error")).data.code, "AGENT_UNAVAILABLE");
    await server[Symbol.asyncDispose]();
    // The CLI is there again: what was accepted is worked on.
    await using mended = await startServer(place);
    const back = await mended.device("phone");
    const backView = watch(back.subscribe(otherId, { after: 0, events: ["assistantMessage"] }));
    await backView.until("assistantMessage", (frame) => JSON.stringify(frame.data.content).includes("later"));
    back.close();
    await mended[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  test("[E2E-10] told to stop in the middle of a turn it is gone within 10 s with code 0; the turn goes on, and the next server tells the rest of it", async () => {
    await using world = await start();
    const { place, server: first } = world;
    const device = await first.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    const { messageId } = await device.send(sessionId, slowly(20, { say: poem }));
    await view.until("streamData");
    const begun = performance.now();
    assert.equal(await first.stop("SIGTERM"), 0);
    assert.ok(performance.now() - begun < 10_000);
    await world.startAgain();
    await view.idle();
    assert.deepEqual(saidIn(view), [poem]);
    assert.deepEqual(statesOf(view, messageId), ["handedOver", "answered"]);
    assert.deepEqual(problemsIn(view), []);
    for (const text of liveText(view.frames)) assert.ok(poem.startsWith(text));
  });

  test("[E2E-11] killed without warning in the middle of a turn, again and again, the turn goes on: each device gets all of it, once, and the text goes on where it was", async () => {
    await using world = await start();
    const { place } = world;
    let { server } = world;
    const [device, other] = [await server.device("phone"), await server.device("desk")];
    const sessionId = await session(place, device);
    const [view, otherView] = [watch(device.subscribe(sessionId)), watch(other.subscribe(sessionId))];
    const tools = [{ name: "Bash", input: { command: "echo between" } }];
    const { messageId } = await device.send(sessionId, slowly(20, { say: `First. ${poem}`, tools }, { say: poem }));
    for (let kills = 0; kills < 3; kills++) {
      await view.until("streamData", () => true, view.frames.length);
      await server.stop("SIGKILL");
      server = await world.startAgain();
    }
    await view.idle();
    await otherView.idle();
    assert.deepEqual(saidIn(view), [`First. ${poem}`, poem]);
    assert.deepEqual(statesOf(view, messageId), ["handedOver", "answered"]);
    assert.equal(view.frames.filter((frame) => frame.type === "turnCompleted").length, 1);
    assert.equal(view.frames.filter((frame) => frame.type === "toolResult").length, 1);
    assert.deepEqual(problemsIn(view), []);
    assert.deepEqual(otherView.stored.map(essence), view.stored.map(essence));
    for (const text of liveText(view.frames)) assert.ok(`First. ${poem}`.startsWith(text) || poem.startsWith(text));
    const from = view.frames.length;
    await device.send(sessionId, prompt({ say: "Here again." }));
    await view.idle(from);
    assert.deepEqual(
      view.stored.map((frame) => frame.seq),
      view.stored.map((_, i) => i + 1),
    );
    assert.match(JSON.stringify(view.frames.slice(from)), /Here again\./);
  });

  test("[E2E-12] a permission that was pending when the server was killed is asked once, answered after the restart, and the turn goes on", async () => {
    await using world = await start();
    const { place, server: first } = world;
    const device = await first.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    await device.send(sessionId, prompt({ tools: [write("after-kill.txt", "allowed")] }, { say: "Thank you." }));
    const { data } = await view.until("permissionRequest");
    await view.until("sessionStatus", (frame) => frame.data.status === "waiting");
    await first.stop("SIGKILL");
    const second = await world.startAgain();
    const phone = await second.device("other phone");
    const stream = phone.subscribe(sessionId, { after: "latest" });
    const { status, pendingPermissions } = await stream.subscribed;
    assert.deepEqual([status, pendingPermissions], ["waiting", [data]]);
    await phone.respond(sessionId, data.permissionId, { decision: "allow" });
    await view.until("permissionApplied");
    await view.idle();
    assert.equal(await readFile(join(place.project, "after-kill.txt"), "utf8"), "allowed");
    assert.equal(view.frames.filter((frame) => frame.type === "permissionRequest").length, 1);
    assert.equal(view.frames.filter((frame) => frame.type === "permissionResolved").length, 1);
    assert.deepEqual(saidIn(view), ["Thank you."]);
  });

  test("[E2E-16] a question in a mode that never asks does not outlive the server: the CLI takes it back and tells the model, the person is told, and the turn goes on", async () => {
    await using world = await start({ AGENT_SILENT_MINUTES: "0.03" });
    const { place, server: first } = world;
    const device = await first.device("phone");
    const { session: created } = await device.request("createSession", {
      workingDirectory: place.project,
      permissionMode: "dontAsk",
    });
    const { sessionId } = created;
    const view = watch(device.subscribe(sessionId));
    const options = ["Tea", "Coffee"].map((label) => ({ label, description: "" }));
    const questions = [{ question: "What do you drink?", header: "Drink", multiSelect: false, options }];
    const tools = [{ name: "AskUserQuestion", input: { questions } }];
    await device.send(sessionId, prompt({ tools }, { say: "So be it." }));
    const { data } = await view.until("permissionRequest");
    await view.until("sessionStatus", (frame) => frame.data.status === "waiting");
    await first.stop("SIGKILL");
    await world.startAgain();
    const { data: outcome } = await view.until("permissionResolved");
    assert.deepEqual([outcome.permissionId, outcome.decision], [data.permissionId, "cancelled"]);
    await view.idle();
    assert.ok((await model.toolResults()).some((result) => result.includes("reconnected before")));
    assert.deepEqual(problemsIn(view), []);
    assert.deepEqual(saidIn(view), ["So be it."]);
  });

  test("[E2E-13] a model that went silent, and a CLI that hangs, are told with what can be done; restarted, the session goes on", async () => {
    await using own = await startModel();
    await using world = await start({ AGENT_SILENT_MINUTES: "0.03" }, own.url);
    const { place, server } = world;
    const device = await server.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    const silence = (from: number) =>
      view.until("agentNotice", (frame) => frame.data.kind === "silent", from).then(({ data }) => data.details);
    const { messageId } = await device.send(sessionId, slowly(50, { say: poem }));
    await view.until("streamData");
    process.kill(own.pid, "SIGSTOP");
    assert.deepEqual((await silence(0))?.options, ["wait", "interrupt", "restartAgent"]);
    assert.equal((await device.request("restartAgent", { sessionId })).restarted, true);
    await view.until("sessionStatus", (frame) => frame.data.status === "hibernated");
    assert.deepEqual(statesOf(view, messageId), ["handedOver", "failed"]);
    process.kill(own.pid, "SIGCONT");
    const from = view.frames.length;
    await device.send(sessionId, slowly(50, { say: `Then ${poem}` }));
    await view.until("streamData", () => true, from);
    const [{ pid } = { pid: 0 }] = await agentsOf(place);
    process.kill(pid, "SIGSTOP");
    assert.deepEqual((await silence(from))?.options, ["wait", "restartAgent"]);
    await device.request("restartAgent", { sessionId });
    const later = view.frames.length;
    await device.send(sessionId, prompt({ say: "Well again." }));
    await view.idle(later);
    assert.match(JSON.stringify(view.frames.slice(later)), /Well again\./);
  });

  test("[E2E-14] upgraded in the middle of a turn: the new version goes on with the agents of the old one, and gives new ones a host of its own", async () => {
    await using world = await start();
    const { place, server: first } = world;
    const device = await first.device("phone");
    const sessionId = await session(place, device);
    const view = watch(device.subscribe(sessionId));
    await device.send(sessionId, slowly(10, { say: poem, tools: [write("upgraded.txt", "yes")] }, { say: "Done." }));
    await view.until("streamData");
    assert.equal(await first.stop("SIGTERM"), 0);
    const hooks = fileURLToPath(new URL("./faults/plant.ts", import.meta.url));
    await world.startAgain({ NODE_OPTIONS: `--import=${hooks}`, PLANT: "nextVersion" });
    const { serverVersion } = await device.connected();
    assert.equal(serverVersion, "99.0.0");
    const { data } = await view.until("permissionRequest");
    const other = await device.request("createSession", { workingDirectory: place.project, reuse: false });
    const otherView = watch(device.subscribe(other.session.sessionId));
    await device.send(other.session.sessionId, slowly(20, { say: poem }));
    await otherView.until("streamData");
    const hosts = new Set((await agentsOf(place)).map(({ socketPath }) => socketPath));
    assert.equal(hosts.size, 2);
    await device.respond(sessionId, data.permissionId, { decision: "allow" });
    await view.idle();
    await otherView.idle();
    assert.deepEqual(saidIn(view), [poem, "Done."]);
    assert.equal(await readFile(join(place.project, "upgraded.txt"), "utf8"), "yes");
    assert.deepEqual(problemsIn(view), []);
  });

  test("[E2E-15] an agent that dies while no server runs, and one whose host dies with the server: what was said stays, what was asked is lost, all of it told; nothing runs on in secret", async () => {
    for (const victim of ["agent", "host"] as const) {
      await using world = await start();
      const { place, server: first } = world;
      const device = await first.device("phone");
      const sessionId = await session(place, device);
      const view = watch(device.subscribe(sessionId));
      const tools = [write("never.txt", "no")];
      const { messageId } = await device.send(sessionId, prompt({ say: "Before.", tools }, { say: "After." }));
      const { data } = await view.until("permissionRequest");
      await view.until("sessionStatus", (frame) => frame.data.status === "waiting");
      const [{ pid, socketPath } = { pid: 0, socketPath: "" }] = await agentsOf(place);
      const hostPid = Number(/(\d+)\.sock$/.exec(socketPath)?.[1]);
      await first.stop("SIGKILL");
      process.kill(victim === "agent" ? pid : hostPid, "SIGKILL");
      await world.startAgain();
      const outcome = await view.until("permissionResolved");
      assert.deepEqual([outcome.data.permissionId, outcome.data.decision], [data.permissionId, "lost"]);
      await view.until("messageState", (frame) => frame.data.state === "failed" && frame.data.messageId === messageId);
      const wanted = victim === "agent" ? "failed" : "hibernated";
      await view.until("sessionStatus", (frame) => frame.data.status === wanted);
      assert.deepEqual(saidIn(view), ["Before."]);
      assert.deepEqual(await agentsOf(place), []);
      assert.ok(await isDead(pid));
      const from = view.frames.length;
      await device.send(sessionId, prompt({ say: "On we go." }));
      await view.idle(from);
      assert.match(JSON.stringify(view.frames.slice(from)), /On we go\./);
    }
  });
});

const saidIn = ({ frames }: Watcher): string[] =>
  frames.flatMap((frame) =>
    frame.type === "assistantMessage"
      ? frame.data.content.flatMap((block) => (block.type === "text" ? block.text : []))
      : [],
  );
const statesOf = ({ frames }: Watcher, messageId: string): string[] =>
  frames.flatMap((frame) =>
    frame.type === "messageState" && frame.data.messageId === messageId ? frame.data.state : [],
  );
const problemsIn = ({ frames }: Watcher): SessionFrame[] =>
  frames.filter((frame) => frame.type === "error" || frame.type === "gap");

async function agentsOf(place: Place): Promise<{ pid: number; socketPath: string }[]> {
  const child = runCommand(place, ["agents", "--json"]);
  if (child.stdout === null) throw new Error("no pipe");
  return JSON.parse(await text(child.stdout));
}
