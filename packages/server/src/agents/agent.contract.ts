import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { prompt, slowly } from "../../../../e2e/kit/directive.ts";
import type { Agent, AgentEvent, AgentProvider, OpenOptions } from "./agent.ts";

/** A provider on a machine of its own. */
export interface Bench extends AsyncDisposable {
  provider: AgentProvider;
  workingDirectory: string;
  /** How often the agent's model was asked this. */
  asked(text: string): Promise<number>;
}

const patienceMs = 20_000;
const briefly = (event: AgentEvent): string =>
  event.kind === "durable"
    ? event.event.type
    : event.kind === "state" || event.kind === "message"
      ? `${event.kind}:${event.state}`
      : event.kind;

/** Follows an agent: waits for an event, keeps all. */
export function follow(agent: Agent) {
  const seen: AgentEvent[] = [];
  const waiting = new Set<() => void>();
  const ended = (async () => {
    for await (const event of agent.events) {
      seen.push(event);
      if (event.kind === "checkpoint" || event.kind === "ended") event.stored();
      for (const look of [...waiting]) look();
    }
  })();
  return {
    seen,
    ended,
    /** The first event from `from` on that fits. */
    until<T extends AgentEvent>(fits: (event: AgentEvent) => event is T, from = 0): Promise<T> {
      return new Promise((resolve, reject) => {
        const give = setTimeout(
          () => reject(new Error(`it did not come; there was: ${seen.map(briefly).join(" ")}`)),
          patienceMs,
        );
        const look = () => {
          const found = seen.slice(from).find(fits);
          if (found === undefined) return;
          clearTimeout(give);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
  };
}

type Of<K extends AgentEvent["kind"]> = Extract<AgentEvent, { kind: K }>;
export const isKind =
  <K extends AgentEvent["kind"]>(kind: K) =>
  (event: AgentEvent): event is Of<K> =>
    event.kind === kind;
export const isIdle = (event: AgentEvent): event is Of<"state"> => event.kind === "state" && event.state === "idle";
export const isMessage =
  (messageId: string, state: string) =>
  (event: AgentEvent): event is Of<"message"> =>
    event.kind === "message" && event.messageId === messageId && event.state === state;
export const isDurable =
  (type: string) =>
  (event: AgentEvent): event is Of<"durable"> =>
    event.kind === "durable" && event.event.type === type;

/** What every provider must do: one suite, run over each of them. */
export function agentContract(name: string, start: () => Promise<Bench>): void {
  describe(`agent: ${name}`, () => {
    async function open(bench: Bench, change: Partial<OpenOptions> = {}) {
      const agent = await bench.provider.open({
        sessionId: randomUUID(),
        workingDirectory: bench.workingDirectory,
        model: undefined,
        permissionMode: "default",
        conversationId: undefined,
        furtherDirectories: [],
        todos: [],
        rules: [],
        effort: undefined,
        ...change,
      });
      const followed = follow(agent);
      return { agent, ...(await followed), [Symbol.asyncDispose]: () => agent.close() };
    }

    test("[AGT-1] a turn: running, handed over, text while it is written, the whole, completed, answered, idle", async () => {
      await using bench = await start();
      await using session = await open(bench);
      const messageId = randomUUID();
      session.agent.send({ messageId, content: prompt({ say: "Hello from the other side." }) });
      await session.until(isIdle);
      await session.until(isMessage(messageId, "answered"));
      const said = await session.until(isDurable("assistantMessage"));
      assert.ok(said.event.type === "assistantMessage");
      const { messageId: modelMessage, blockIndex } = said.event.data;
      const deltas = session.seen
        .filter(isKind("delta"))
        .filter(({ delta }) => delta.messageId === modelMessage && delta.blockIndex === blockIndex);
      assert.equal(deltas.map(({ delta }) => delta.text).join(""), "Hello from the other side.");
      assert.deepEqual(said.event.data.content, [{ type: "text", text: "Hello from the other side." }]);
      const order = [
        session.seen.findIndex((event) => event.kind === "state" && event.state === "running"),
        session.seen.findIndex(isMessage(messageId, "handedOver")),
        session.seen.findIndex(isKind("delta")),
        session.seen.findIndex(isDurable("assistantMessage")),
        session.seen.findIndex(isDurable("turnCompleted")),
        session.seen.findIndex(isMessage(messageId, "answered")),
        session.seen.findIndex(isIdle),
      ];
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
        session.seen.map((event) => event.kind).join(" "),
      );
      assert.ok(order.every((at) => at >= 0));
    });

    test("[AGT-2] a permission is asked with all that it takes to show it; allowed, the answer is taken and the tool runs", async () => {
      await using bench = await start();
      await using session = await open(bench);
      const write = { name: "Write", input: { file_path: "allowed.txt", content: "yes" } };
      session.agent.send({ messageId: randomUUID(), content: prompt({ tools: [write] }, { say: "Written." }) });
      const { request } = await session.until(isKind("permission"));
      assert.equal(request.kind, "tool");
      assert.equal(request.toolName, "Write");
      assert.equal(request.input.content, "yes");
      assert.match(request.title, /write|Write/);
      assert.equal(session.agent.answer("unknown", { decision: "allow" }), false);
      assert.equal(session.agent.answer(request.permissionId, { decision: "allow" }), true);
      assert.equal(session.agent.answer(request.permissionId, { decision: "deny" }), false);
      const applied = await session.until(isKind("permissionApplied"));
      assert.equal(applied.permissionId, request.permissionId);
      const done = await session.until(isDurable("toolResult"));
      assert.ok(done.event.type === "toolResult" && !done.event.data.isError);
      await session.until(isIdle);
    });

    test("[AGT-3] a denied tool does not run, and the turn goes on", async () => {
      await using bench = await start();
      await using session = await open(bench);
      const write = { name: "Write", input: { file_path: "denied.txt", content: "no" } };
      session.agent.send({ messageId: randomUUID(), content: prompt({ tools: [write] }, { say: "A pity." }) });
      const { request } = await session.until(isKind("permission"));
      session.agent.answer(request.permissionId, { decision: "deny", message: "not in this life" });
      const done = await session.until(isDurable("toolResult"));
      assert.ok(done.event.type === "toolResult" && done.event.data.isError);
      assert.match(JSON.stringify(done.event.data.content), /not in this life/);
      const completed = await session.until(isDurable("turnCompleted"));
      assert.ok(completed.event.type === "turnCompleted" && completed.event.data.result === "success");
    });

    test("[AGT-4] interrupt stops the turn; the next message is worked on", async () => {
      await using bench = await start();
      await using session = await open(bench);
      session.agent.send({ messageId: randomUUID(), content: slowly(50, { say: "word ".repeat(400) }) });
      await session.until(isKind("delta"));
      await session.agent.interrupt();
      const completed = await session.until(isDurable("turnCompleted"));
      assert.ok(completed.event.type === "turnCompleted" && completed.event.data.result === "interrupted");
      await session.until(isIdle);
      const next = randomUUID();
      session.agent.send({ messageId: next, content: prompt({ say: "Still here." }) });
      await session.until(isMessage(next, "answered"));
    });

    test("[AGT-5] an interrupt withdraws what was asked", async () => {
      await using bench = await start();
      await using session = await open(bench);
      session.agent.send({
        messageId: randomUUID(),
        content: prompt({ tools: [{ name: "Write", input: { file_path: "x.txt", content: "x" } }] }),
      });
      const { request } = await session.until(isKind("permission"));
      await session.agent.interrupt();
      const withdrawn = await session.until(isKind("permissionWithdrawn"));
      assert.equal(withdrawn.permissionId, request.permissionId);
      await session.until(isDurable("turnCompleted"));
    });

    test("[AGT-6] a message that is handed over twice is worked on once, also by the next agent of the conversation", async () => {
      await using bench = await start();
      const messageId = randomUUID();
      const content = prompt({ say: `only once ${messageId}` });
      const sessionId = randomUUID();
      let conversationId: string | undefined;
      {
        await using session = await open(bench, { sessionId });
        session.agent.send({ messageId, content });
        await session.until(isMessage(messageId, "answered"));
        session.agent.send({ messageId, content });
        const after = randomUUID();
        session.agent.send({ messageId: after, content: prompt({ say: "next" }) });
        await session.until(isMessage(after, "answered"));
        conversationId = session.seen
          .filter(isKind("described"))
          .find((event) => event.conversationId !== undefined)?.conversationId;
        assert.equal(await bench.asked(messageId), 1);
      }
      await using resumed = await open(bench, { sessionId, conversationId });
      resumed.agent.send({ messageId, content });
      const last = randomUUID();
      resumed.agent.send({ messageId: last, content: prompt({ say: "last" }) });
      await resumed.until(isMessage(last, "answered"));
      assert.equal(await bench.asked(messageId), 1);
      // The one who asks must not wait for ever for what was done before.
      assert.ok(resumed.seen.some(isMessage(messageId, "answered")), "the repeat's fate was told");
    });

    test("[AGT-7] model and mode change in the middle, and the agent says so", async () => {
      await using bench = await start();
      await using session = await open(bench);
      session.agent.send({ messageId: randomUUID(), content: prompt({ say: "hi" }) });
      await session.until(isIdle);
      await session.agent.configure({ permissionMode: "acceptEdits" });
      await session.until(
        (event): event is Of<"described"> => event.kind === "described" && event.permissionMode === "acceptEdits",
      );
    });

    test("[AGT-8] close ends it without failure, once", async () => {
      await using bench = await start();
      await using session = await open(bench);
      session.agent.send({ messageId: randomUUID(), content: prompt({ say: "hi" }) });
      await session.until(isIdle);
      await Promise.all([session.agent.close(), session.agent.close()]);
      await session.ended;
      const endings = session.seen.filter(isKind("ended"));
      assert.deepEqual(
        endings.map(({ failure, conversation }) => ({ failure, conversation })),
        [{ failure: undefined, conversation: "kept" }],
      );
      assert.equal(session.seen.at(-1), endings[0]);
    });
  });
}
