import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { prompt, slowly } from "../../../../../e2e/kit/directive.ts";
import { type Model, startModel } from "../../../../../e2e/kit/model.ts";
import { makePlace, type Place } from "../../../../../e2e/kit/server.ts";
import { follow, isDurable, isIdle, isKind, isMessage } from "../agent.contract.ts";
import type { AgentEvent, OpenOptions } from "../agent.ts";
import { agentEnvironment } from "../environment.ts";
import { claudeIn } from "./claude.fixture.ts";

type Durable = Extract<AgentEvent, { kind: "durable" }>["event"];

/** What the CLI does, as it was found: each of these is something that we build on. */
describe("facts of the Claude CLI", () => {
  let model: Model;
  let place: Place;
  before(async () => {
    model = await startModel();
    place = await makePlace(model.url);
  });
  after(async () => {
    await place[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  async function open(change: Partial<OpenOptions> & { environment?: Record<string, string> } = {}) {
    const { environment = {}, ...options } = change;
    const provider = claudeIn(place, { environment: { ...place.environment, ...environment } });
    const agent = await provider.open({
      sessionId: randomUUID(),
      workingDirectory: place.project,
      model: undefined,
      permissionMode: "default",
      conversationId: undefined,
      furtherDirectories: [],
      todos: [],
      rules: [],
      effort: undefined,
      ...options,
    });
    const followed = follow(agent);
    const session = {
      agent,
      provider,
      ...(await followed),
      say(content: string) {
        const messageId = randomUUID();
        agent.send({ messageId, content });
        return messageId;
      },
      events: (type: Durable["type"]) => session.seen.filter(isDurable(type)).map(({ event }) => event),
      [Symbol.asyncDispose]: () => agent.close(),
    };
    return session;
  }
  const question = {
    name: "AskUserQuestion",
    input: {
      questions: [
        {
          question: "Which one?",
          header: "Choice",
          multiSelect: false,
          options: [
            { label: "Red", description: "warm" },
            { label: "Blue", description: "cold" },
          ],
        },
      ],
    },
  };

  test("[CLD-1] a question reaches the person, in every mode, and the answer reaches the model", async () => {
    for (const permissionMode of ["default", "acceptEdits", "dontAsk", "auto"] as const) {
      await using session = await open({ permissionMode });
      session.say(prompt({ tools: [question] }, { say: "Thanks." }));
      const { request } = await session.until(isKind("permission"));
      assert.equal(request.kind, "question", permissionMode);
      assert.deepEqual(
        request.questions?.[0]?.options.map(({ label }) => label),
        ["Red", "Blue"],
      );
      session.agent.answer(request.permissionId, { decision: "allow", answers: { "Which one?": "Blue" } });
      const result = await session.until(isDurable("toolResult"));
      assert.ok(result.event.type === "toolResult");
      assert.match(JSON.stringify(result.event.data.content), /Blue/, permissionMode);
      await session.until(isIdle);
    }
  });

  test("[CLD-2] a plan is asked as a plan; allowed always, the session goes on in acceptEdits", async () => {
    await using session = await open({ permissionMode: "plan" });
    session.say(prompt({ tools: [{ name: "ExitPlanMode", input: { plan: "1. Do it." } }] }, { say: "On it." }));
    const { request } = await session.until(isKind("permission"));
    assert.equal(request.kind, "plan");
    assert.equal(request.canAllowAlways, true);
    session.agent.answer(request.permissionId, { decision: "allowAlways", suggestions: [0] });
    await session.until(
      (event): event is Extract<AgentEvent, { kind: "described" }> =>
        event.kind === "described" && event.permissionMode === "acceptEdits",
    );
    await session.until(isIdle);
  });

  test("[CLD-3] allowed always, the same tool does not ask again", async () => {
    await using session = await open();
    const write = (name: string) => ({ name: "Write", input: { file_path: name, content: name } });
    session.say(prompt({ tools: [write("always-1.txt")] }, { tools: [write("always-2.txt")] }, { say: "Both." }));
    const { request } = await session.until(isKind("permission"));
    assert.equal(request.canAllowAlways, true);
    session.agent.answer(request.permissionId, {
      decision: "allowAlways",
      suggestions: [...request.suggestions.keys()],
    });
    await session.until(isIdle);
    assert.equal(session.seen.filter(isKind("permission")).length, 1);
    assert.equal(session.events("toolResult").length, 2);
  });

  test("[CLD-23] rules of a session hold for the CLI that runs, for the next one, and no longer once they are taken back", async () => {
    const touch = (name: string) =>
      prompt({ tools: [{ name: "Bash", input: { command: `touch ${name}`, description: "x" } }] }, { say: "ok" });
    const rule = {
      type: "addRules",
      rules: [{ toolName: "Bash", ruleContent: "touch kept:*" }],
      behavior: "allow",
      destination: "session",
    };
    const asks = async (session: Awaited<ReturnType<typeof open>>, name: string) => {
      const from = session.seen.length;
      session.say(touch(name));
      const first = await session.until(
        (event): event is AgentEvent => event.kind === "permission" || isDurable("toolResult")(event),
        from,
      );
      if (first.kind === "permission") session.agent.answer(first.request.permissionId, { decision: "allow" });
      await session.until(isIdle, from);
      return first.kind === "permission";
    };
    {
      await using session = await open();
      assert.equal(await asks(session, "kept1"), true);
      await session.agent.setRules([rule]);
      assert.equal(await asks(session, "kept 2"), false);
      await session.agent.setRules([]);
      assert.equal(await asks(session, "kept 3"), true);
    }
    await using session = await open({ rules: [rule] });
    assert.equal(await asks(session, "kept 4"), false);
  });

  test("[CLD-24] a rule that the CLI wrote into a settings file is taken back from there, and the CLI that runs sees it", async () => {
    await using session = await open();
    const command = { name: "Bash", input: { command: "touch filed", description: "x" } };
    const run = async () => {
      const from = session.seen.length;
      session.say(prompt({ tools: [command] }, { say: "ok" }));
      const asked = session.until(isKind("permission"), from);
      const idle = session.until(isIdle, from).then(() => undefined);
      return (await Promise.race([asked, idle]))?.request;
    };
    const request = await run();
    assert.ok(request);
    const index = request.suggestions.findIndex(({ scope }) => scope === "local");
    assert.equal(
      request.suggestions[index]?.text,
      "Allow commands that start with `touch filed`, for you in this project",
    );
    const from = session.seen.length;
    session.agent.answer(request.permissionId, { decision: "allowAlways", suggestions: [index] });
    await session.until(isIdle, from);
    const file = join(place.project, ".claude", "settings.local.json");
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")).permissions.allow, ["Bash(touch filed *)"]);
    assert.equal(await run(), undefined, "it does not ask again");
    const rule = { value: request.suggestions[index]?.value, workingDirectory: place.project };
    await session.provider.revokeRule(rule);
    await session.provider.revokeRule(rule);
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")).permissions.allow, []);
    // The CLI notices the file on its own, soon.
    for (let tries = 0; ; tries++) {
      const again = await run();
      if (again) break;
      assert.ok(tries < 20, "it still does not ask");
    }
  });

  test("[CLD-25] a message that steers reaches the model in the turn that runs", async () => {
    await using session = await open();
    const slow = { name: "Bash", input: { command: "sleep 1 && echo slept", description: "x" } };
    session.say(prompt({ tools: [slow] }, { say: "and on" }));
    await session.until(isDurable("toolUse"));
    const steering = randomUUID();
    session.agent.send({ messageId: steering, content: `steering ${steering}` }, { steer: true });
    await session.until(isMessage(steering, "answered"));
    await session.until(isIdle);
    assert.equal(session.events("turnCompleted").length, 1);
    assert.equal(await model.asked(`steering ${steering}`), 1);
  });

  test("[CLD-4] an error of the model ends the turn as an error, with what to do, and the session goes on", async () => {
    await using session = await open();
    session.say(prompt({ error: 400 }));
    const completed = await session.until(isDurable("turnCompleted"));
    assert.ok(completed.event.type === "turnCompleted");
    assert.equal(completed.event.data.result, "error");
    const [error] = session.events("error");
    assert.ok(error?.type === "error" && error.data.code === "AGENT_FAILED");
    assert.match(error.data.message, /Send the message again/);
    await session.until(isIdle);
    const next = session.say(prompt({ say: "Better." }));
    await session.until(isMessage(next, "answered"));
    assert.equal(session.events("assistantMessage").length, 1);
  });

  test("[CLD-5] what the CLI tries again by itself is told: which error, which attempt, when", async () => {
    await using session = await open({ environment: { CLAUDE_CODE_MAX_RETRIES: "1" } });
    session.say(prompt({ error: 529 }));
    const notice = await session.until(isDurable("agentNotice"));
    assert.ok(notice.event.type === "agentNotice");
    assert.equal(notice.event.data.kind, "retry");
    assert.match(notice.event.data.text, /529/);
    assert.equal(notice.event.data.details?.attempt, 1);
    await session.until(isDurable("turnCompleted"));
  });

  test("[CLD-6] a login that does not work is told as that, and the session goes on", async () => {
    await using session = await open({ environment: { CLAUDE_CODE_MAX_RETRIES: "0" } });
    session.say(prompt({ error: 401 }));
    await session.until(isDurable("turnCompleted"));
    const [error] = session.events("error");
    assert.ok(error?.type === "error");
    assert.equal(error.data.code, "AGENT_UNAVAILABLE");
    assert.match(error.data.message, /claude auth login/);
    assert.equal(session.seen.some(isKind("ended")), false);
  });

  test("[CLD-7] a rate limit is told as that", async () => {
    await using session = await open({ environment: { CLAUDE_CODE_MAX_RETRIES: "0" } });
    session.say(prompt({ error: 429 }));
    await session.until(isDurable("turnCompleted"));
    const [error] = session.events("error");
    assert.ok(error?.type === "error");
    assert.equal(error.data.code, "RATE_LIMITED");
  });

  test("[CLD-8] a CLI that is killed ends with the reason; what it started ends with it; the conversation goes on with resume", async () => {
    const sessionId = randomUUID();
    {
      await using session = await open({ sessionId });
      session.say(prompt({ say: "remember: 4711" }));
      await session.until(isIdle);
      const mark = 400_000 + Math.floor(Math.random() * 100_000);
      session.say(prompt({ tools: [{ name: "Bash", input: { command: `touch started; sleep ${mark}` } }] }));
      const { request } = await session.until(isKind("permission"));
      session.agent.answer(request.permissionId, { decision: "allow" });
      await session.until(isKind("permissionApplied"));
      await appears(() => processesWith(`sleep\0${mark}`));
      const [cli] = await processesWith("", sessionId);
      process.kill(Number(cli), "SIGKILL");
      const ended = await session.until(isKind("ended"));
      assert.ok(ended.failure, "no reason");
      assert.equal(ended.conversation, "kept");
      await session.agent.close();
      assert.deepEqual(await processesWith(`sleep\0${mark}`), []);
    }
    await using resumed = await open({ sessionId, conversationId: sessionId });
    const messageId = resumed.say(prompt({ say: "Again here." }));
    await resumed.until(isMessage(messageId, "answered"));
    assert.equal(resumed.seen.find(isKind("described"))?.conversationId, sessionId);
  });

  test("[CLD-9] a conversation that is gone is told as lost", async () => {
    await using session = await open({ conversationId: randomUUID() });
    session.say(prompt({ say: "hello?" }));
    const ended = await session.until(isKind("ended"));
    assert.equal(ended.conversation, "lost");
  });

  test("[CLD-17] a conversation that exists already (we were killed before we knew) is found instead of begun again", async () => {
    const sessionId = randomUUID();
    {
      await using session = await open({ sessionId });
      session.say(prompt({ say: "one" }));
      await session.until(isIdle);
    }
    await using session = await open({ sessionId });
    session.say(prompt({ say: "two" }));
    const ended = await session.until(isKind("ended"));
    assert.equal(ended.conversation, "found");
  });

  test("[CLD-18] an agent whose session nobody wants any more is ended by the next server of the same data, and nobody else's", async () => {
    const start = async (owner: string) => {
      const options = {
        sessionId: randomUUID(),
        workingDirectory: place.project,
        model: undefined,
        permissionMode: "default" as const,
        conversationId: undefined,
        furtherDirectories: [],
        todos: [],
        rules: [],
        effort: undefined,
      };
      const agent = await claudeIn(place, { owner }).open(options);
      const followed = follow(agent);
      agent.send({ messageId: randomUUID(), content: slowly(100, { say: "word ".repeat(200) }) });
      await followed.until(isKind("delta"));
      return { agent, seen: followed.seen, until: followed.until };
    };
    const [ours, others] = [await start("one"), await start("two")];
    await claudeIn(place, { owner: "one" }).survivors(new Map());
    await ours.until(isKind("ended"));
    assert.equal(others.seen.some(isKind("ended")), false);
    await others.agent.close();
  });

  test("[CLD-22] asked where it stands while a question waits in a mode that never asks, it goes on waiting", async () => {
    await using session = await open({ permissionMode: "dontAsk" });
    const options = ["Tea", "Coffee"].map((label) => ({ label, description: "" }));
    const questions = [{ question: "What do you drink?", header: "Drink", multiSelect: false, options }];
    session.say(prompt({ tools: [{ name: "AskUserQuestion", input: { questions } }] }, { say: "So be it." }));
    const { request } = await session.until(isKind("permission"));
    await session.agent.inquire();
    await session.agent.inquire();
    const answers = { "What do you drink?": "Coffee" };
    assert.equal(session.agent.answer(request.permissionId, { decision: "allow", answers }), true);
    await session.until(isIdle);
    assert.match(JSON.stringify(session.events("toolResult")), /Coffee/);
  });

  test("[CLD-19] /clear begins another conversation, and says so; /context asks no model; both are answered", async () => {
    await using session = await open();
    const first = session.say(prompt({ say: "before" }));
    await session.until(isMessage(first, "answered"));
    const context = session.say("/context");
    await session.until(isMessage(context, "answered"));
    assert.equal(await model.asked("/context"), 0);
    const before = session.seen.find(isKind("described"))?.conversationId;
    const clear = session.say("/clear");
    await session.until(isMessage(clear, "answered"));
    const notice = await session.until(isDurable("agentNotice"));
    assert.ok(notice.event.type === "agentNotice" && notice.event.data.kind === "conversationReset");
    const after = session.seen
      .filter(isKind("described"))
      .findLast((event) => event.conversationId !== undefined)?.conversationId;
    assert.notEqual(after, before);
    const last = session.say(prompt({ say: "after" }));
    await session.until(isMessage(last, "answered"));
  });

  test("[CLD-20] /compact is told; what was said before is not said again", async () => {
    await using session = await open();
    const first = session.say(prompt({ say: "something to remember" }));
    await session.until(isMessage(first, "answered"));
    const compact = session.say("/compact");
    await session.until(isMessage(compact, "answered"));
    const kinds = session.events("agentNotice").map((event) => (event.type === "agentNotice" ? event.data.kind : ""));
    assert.ok(kinds.includes("compacted"), kinds.join());
    const ids = session.seen.filter(isKind("durable")).map(({ id }) => id);
    const said = session
      .events("assistantMessage")
      .filter((event) => JSON.stringify(event).includes("something to remember"));
    assert.ok(new Set(ids).size === ids.length || said.length === 1, "repeats have the ids of what they repeat");
  });

  test("[CLD-21] several choices, and words of one's own, reach the model", async () => {
    await using session = await open();
    const options = [
      { label: "Red", description: "" },
      { label: "Blue", description: "" },
    ];
    const questions = [
      { question: "Which ones?", header: "Many", multiSelect: true, options },
      { question: "And why?", header: "Why", multiSelect: false, options },
    ];
    session.say(prompt({ tools: [{ name: "AskUserQuestion", input: { questions } }] }, { say: "Thanks." }));
    const { request } = await session.until(isKind("permission"));
    session.agent.answer(request.permissionId, {
      decision: "allow",
      answers: { "Which ones?": ["Red", "Blue"], "And why?": "they are warm and cold" },
    });
    const result = await session.until(isDurable("toolResult"));
    const text = JSON.stringify(result.event.data);
    for (const part of ["Red", "Blue", "they are warm and cold"]) assert.ok(text.includes(part), text);
    await session.until(isIdle);
  });

  test("[CLD-10] messages that were sent during a turn are all answered, although they may share a turn", async () => {
    await using session = await open();
    const first = session.say(slowly(10, { say: "word ".repeat(40) }));
    await session.until(isKind("delta"));
    const second = session.say(prompt({ say: "second" }));
    const third = session.say(prompt({ say: "third" }));
    for (const messageId of [first, second, third]) await session.until(isMessage(messageId, "answered"));
  });

  test("[CLD-11] thinking comes as thinking, live and stored", async () => {
    await using session = await open();
    session.say(prompt({ think: "Let me see.", say: "Seen." }));
    await session.until(isIdle);
    const blocks = session
      .events("assistantMessage")
      .flatMap((event) => (event.type === "assistantMessage" ? event.data.content : []));
    assert.deepEqual(
      blocks.map((block) => [block.type, "text" in block ? block.text : ""]),
      [
        ["thinking", "Let me see."],
        ["text", "Seen."],
      ],
    );
    const kinds = new Set(session.seen.filter(isKind("delta")).map(({ delta }) => delta.kind));
    assert.deepEqual(kinds, new Set(["thinking", "text"]));
  });

  test("[CLD-12] what a sub-agent does names the tool use that started it", async () => {
    await using session = await open();
    const task = {
      name: "Task",
      input: {
        description: "look",
        prompt: prompt({ say: "sub says hi" }),
        subagent_type: "general-purpose",
        run_in_background: false,
      },
    };
    session.say(prompt({ tools: [task] }, { say: "All done." }));
    await session.until(isDurable("turnCompleted"));
    await session.until(isIdle);
    const use = session
      .events("toolUse")
      .find((event) => event.type === "toolUse" && event.data.parentToolUseId === undefined);
    assert.ok(use?.type === "toolUse");
    const nested = session
      .events("assistantMessage")
      .filter((event) => event.type === "assistantMessage" && event.data.parentToolUseId === use.data.toolUseId);
    assert.equal(nested.length, 1);
    assert.match(JSON.stringify(nested[0]), /sub says hi/);
  });

  test("[CLD-13] an image goes to the model as an image", async () => {
    const bodies: string[] = [];
    const between = createServer(async (request, response) => {
      const body = await text(request);
      bodies.push(body);
      const { host: _host, "content-length": _length, ...headers } = request.headers;
      const answer = await fetch(`${model.url}${request.url}`, {
        method: "POST",
        headers: headers as Record<string, string>,
        body,
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    }).listen(0, "127.0.0.1");
    await once(between, "listening");
    await using session = await open({
      environment: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${(between.address() as AddressInfo).port}` },
    });
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const messageId = randomUUID();
    session.agent.send({
      messageId,
      content: [
        { type: "text", text: prompt({ say: "A dot." }) },
        { type: "image", source: { type: "base64", mediaType: "image/png", data: png } },
      ],
    });
    await session.until(isMessage(messageId, "answered"));
    between.close();
    assert.ok(bodies.some((body) => body.includes('"type":"image"') && body.includes('"media_type":"image/png"')));
  });

  test("[CLD-14] another model is used from the next turn on", async () => {
    await using session = await open();
    session.say(prompt({ say: "one" }));
    await session.until(isIdle);
    await session.agent.configure({ model: "claude-haiku-4-5" });
    const from = session.seen.length;
    session.say(prompt({ say: "two" }));
    await session.until(isIdle, from);
    const models = session
      .events("assistantMessage")
      .map((event) => (event.type === "assistantMessage" ? event.data.model : undefined));
    assert.match(models.at(-1) ?? "", /haiku/);
    assert.equal(models.length, 2, "a message that nobody said");
  });

  test("[CLD-15] turns tell what they cost", async () => {
    await using session = await open();
    session.say(prompt({ say: "cheap" }));
    const completed = await session.until(isDurable("turnCompleted"));
    assert.ok(completed.event.type === "turnCompleted");
    const { usage, costUsd, durationMs, turns } = completed.event.data;
    assert.ok(usage && typeof costUsd === "number" && typeof durationMs === "number" && turns === 1);
  });

  test("[SEC-1] the agent's shell sees none of our secrets", async () => {
    const ours = {
      ...place.environment,
      AUTH_TOKEN: "secret-1",
      CLAUDE_COMPANION_TOKEN: "secret-2",
      DATABASE_URL: "secret-3",
      MY_TOOL: "wanted",
    };
    const environment = agentEnvironment(ours, ["MY_TOOL"]);
    await using session = await open();
    await session.agent.close();
    const provider = claudeIn(place, { environment });
    const agent = await provider.open({
      sessionId: randomUUID(),
      workingDirectory: place.project,
      model: undefined,
      permissionMode: "default",
      conversationId: undefined,
      furtherDirectories: [],
      todos: [],
      rules: [],
      effort: undefined,
    });
    const followed = follow(agent);
    agent.send({
      messageId: randomUUID(),
      content: prompt({ tools: [{ name: "Bash", input: { command: "env > env.txt" } }] }),
    });
    const { request } = await followed.until(isKind("permission"));
    agent.answer(request.permissionId, { decision: "allow" });
    await followed.until(isDurable("toolResult"));
    await agent.close();
    const seen = await readFile(join(place.project, "env.txt"), "utf8");
    assert.doesNotMatch(seen, /secret-\d/);
    assert.match(seen, /^MY_TOOL=wanted$/m);
  });

  test("[CLD-16] a CLI that is missing, broken, too old or not logged in is told with what to do", async () => {
    const fake = async (name: string, script: string) => {
      const path = join(place.directory, name);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
      return path;
    };
    const reasonOf = async (cliPath: string) => {
      const found = await claudeIn(place, { cliPath }).check();
      return found.available ? "available" : found.reason;
    };
    assert.match(
      await reasonOf(join(place.directory, "nowhere")),
      /CLAUDE_CLI_PATH names .*nowhere, which does not exist/,
    );
    assert.match(await reasonOf(await fake("broken", "exit 3")), /does not run/);
    assert.match(await reasonOf(await fake("other", "echo hello")), /is not the Claude CLI/);
    assert.match(
      await reasonOf(await fake("old", "echo 1.0.3")),
      /is version 1\.0\.3; at least .* is needed. Run `claude update`/,
    );
    const { ANTHROPIC_API_KEY: _key, ...withoutKey } = place.environment;
    const found = await claudeIn(place, { environment: withoutKey }).check();
    assert.ok(!found.available);
    assert.match(found.reason, /claude auth login/);
    const fine = await claudeIn(place).check();
    assert.ok(fine.available && fine.version !== undefined, JSON.stringify(fine));
  });
});

/** Ids of processes whose command line begins with this and holds that, from /proc. */
async function processesWith(beginning: string, part = ""): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    ids.map(async (id) => ({ id, line: await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "") })),
  );
  return lines.filter(({ line }) => line.startsWith(beginning) && line.includes(part)).map(({ id }) => id);
}

async function appears(look: () => Promise<string[]>): Promise<void> {
  for (const end = performance.now() + 10_000; (await look()).length === 0; )
    assert.ok(performance.now() < end, "it did not appear");
}
