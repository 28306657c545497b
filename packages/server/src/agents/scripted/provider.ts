import { randomUUID } from "node:crypto";
import type { PermissionAnswer, PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";
import { messageOf } from "../../message-of.ts";
import type { Agent, AgentEvent, AgentProvider, OpenOptions } from "../agent.ts";
import { createQueue } from "../queue.ts";

/** What a scripted agent can do while it works on a message. */
export interface ScriptedAgent {
  readonly session: OpenOptions;
  /** Streams `text` in pieces, then says it as one message. */
  say(text: string, options?: { pieces?: number }): Promise<void>;
  /** Streams live text without ever completing the block. */
  stream(text: string): void;
  /** Uses a tool that needs no permission. */
  useTool(name: string, input: Record<string, unknown>, result: string, isError?: boolean): void;
  /** Asks the person; resolves with the answer, or undefined when the turn was interrupted. */
  ask(request: Partial<z.infer<typeof PermissionRequest>>): Promise<z.infer<typeof PermissionAnswer> | undefined>;
  /** Ends the agent as a crash would. Never returns. */
  die(reason: string): Promise<never>;
  /** Waits for something else; rejects when the turn is interrupted. */
  until<T>(promise: Promise<T>): Promise<T>;
  background(tasks: number): void;
  emit(event: AgentEvent): void;
}

/** Plays one turn. */
export type Script = (agent: ScriptedAgent, text: string) => Promise<void> | void;

/** An agent without a process, for fast tests and for load: the same interface, played by a script. */
export interface ScriptedProvider extends AgentProvider {
  /** Texts of the messages that were worked on, per conversation: a repeated message stands here once. */
  readonly worked: ReadonlyMap<string, string[]>;
  /** Rules that were taken back, and those that the last agent was given. */
  readonly revoked: readonly unknown[];
  readonly rules: readonly unknown[];
  /** Agents that are running now. */
  readonly running: () => number;
}

class Interrupted extends Error {}
class Died extends Error {}

/** Makes a provider whose agents play `script` for each message. */
export function createScriptedProvider(options: { script: Script; id?: string }): ScriptedProvider {
  const worked = new Map<string, string[]>();
  const seen = new Map<string, Set<string>>();
  const revoked: unknown[] = [];
  const rules: unknown[] = [];
  let running = 0;
  return {
    id: options.id ?? "scripted",
    name: "Scripted agent",
    conversations: undefined,
    capabilities: {
      resume: true,
      interrupt: true,
      images: true,
      setModel: true,
      efforts: ["low", "high"],
      steer: false,
      rewind: false,
      permissionModes: ["default", "acceptEdits", "plan", "dontAsk", "auto"],
      recognisesRepeats: true,
    },
    worked,
    revoked,
    rules,
    running: () => running,
    async check() {
      return { available: true, version: "1.0.0", path: undefined, login: "none needed", warning: undefined };
    },
    // Scripted agents live in the server, and end with it.
    async survivors() {
      return new Set();
    },
    async attach() {
      throw new Error("there is no scripted agent to attach to");
    },
    async revokeRule({ value }) {
      revoked.push(value);
    },
    async close() {},
    async open(session) {
      running += 1;
      const conversationId = session.conversationId ?? session.sessionId;
      const texts = worked.get(conversationId) ?? [];
      const ids = seen.get(conversationId) ?? new Set<string>();
      worked.set(conversationId, texts);
      seen.set(conversationId, ids);
      rules.splice(0, rules.length, ...session.rules);
      const onEnd = () => (running -= 1);
      return openScripted({ session, conversationId, texts, ids, rules, script: options.script, onEnd });
    },
  };
}

type Play = {
  session: OpenOptions;
  conversationId: string;
  texts: string[];
  ids: Set<string>;
  rules: unknown[];
  script: Script;
  onEnd: () => void;
};

function openScripted({ session, conversationId, texts, ids, rules, script, onEnd }: Play): Agent {
  const events = createQueue<AgentEvent>();
  const inbox = createQueue<Parameters<Agent["send"]>[0]>();
  const asked = new Map<string, (answer: z.infer<typeof PermissionAnswer> | undefined) => void>();
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  let interruption = Promise.withResolvers<never>();
  let model = session.model ?? "scripted-1";
  let permissionMode = session.permissionMode;
  let busy = false;
  let isClosed = false;

  const describe = () => events.push({ kind: "described", conversationId, model, permissionMode, version: "1.0.0" });
  const durable = (event: Extract<AgentEvent, { kind: "durable" }>["event"]) =>
    events.push({ kind: "durable", id: randomUUID(), event });

  const agent: ScriptedAgent = {
    session,
    async say(text, { pieces = 3 } = {}) {
      const messageId = `msg_${randomUUID()}`;
      const size = Math.max(1, Math.ceil(text.length / pieces));
      for (let at = 0; at < text.length; at += size) {
        events.push({
          kind: "delta",
          delta: { messageId, blockIndex: 0, kind: "text", text: text.slice(at, at + size) },
        });
      }
      durable({
        type: "assistantMessage",
        data: { messageId, blockIndex: 0, content: [{ type: "text", text }], model },
      });
    },
    stream(text) {
      events.push({
        kind: "delta",
        delta: { messageId: `msg_open_${conversationId}`, blockIndex: 0, kind: "text", text },
      });
    },
    useTool(name, input, result, isError = false) {
      const toolUseId = `toolu_${randomUUID()}`;
      durable({ type: "toolUse", data: { toolUseId, messageId: `msg_${toolUseId}`, blockIndex: 0, name, input } });
      durable({ type: "toolResult", data: { toolUseId, content: result, isError } });
    },
    async ask(partial) {
      const permissionId = partial.permissionId ?? randomUUID();
      const request = {
        permissionId, kind: "tool" as const, toolName: "Write", input: {}, title: "The agent wants to write",
        suggestions: [], canAllowAlways: true, defaultToNo: false, ...partial,
      }; // biome-ignore format: one object of defaults
      const answer = new Promise<z.infer<typeof PermissionAnswer> | undefined>((resolve) =>
        asked.set(permissionId, resolve),
      );
      events.push({ kind: "state", state: "requiresAction" });
      events.push({ kind: "permission", request });
      const given = await Promise.race([answer, closed.promise]);
      if (given === undefined) throw new Interrupted();
      events.push({ kind: "permissionApplied", permissionId });
      if (asked.size === 0) events.push({ kind: "state", state: "running" });
      return given;
    },
    die: (reason) => Promise.reject(new Died(reason)),
    until: (promise) => Promise.race([promise, interruption.promise, closed.promise]),
    background: (tasks) => events.push({ kind: "background", tasks }),
    emit: (event) => events.push(event),
  };

  async function turn(messageId: string, text: string): Promise<void> {
    interruption = Promise.withResolvers<never>();
    interruption.promise.catch(() => {});
    busy = true;
    const startedAt = performance.now();
    events.push({ kind: "state", state: "running" });
    describe();
    events.push({ kind: "message", messageId, state: "handedOver", reason: undefined });
    let result: "success" | "interrupted" = "success";
    try {
      await script(agent, text);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      result = "interrupted";
    }
    busy = false;
    const usage = { inputTokens: text.length, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
    durable({ type: "turnCompleted", data: { result, usage, costUsd: 0, durationMs: performance.now() - startedAt } });
    events.push({
      kind: "message",
      messageId,
      state: result === "success" ? "answered" : "failed",
      reason: result === "success" ? undefined : result,
    });
    events.push({ kind: "state", state: "idle" });
  }

  async function play(): Promise<void> {
    let failure: string | undefined;
    try {
      for await (const { messageId, content } of inbox) {
        if (isClosed) break;
        if (ids.has(messageId)) {
          events.push({ kind: "message", messageId, state: "answered", reason: undefined });
          continue;
        }
        ids.add(messageId);
        const text =
          typeof content === "string"
            ? content
            : content.map((block) => (block.type === "text" ? block.text : "")).join("");
        texts.push(text);
        await turn(messageId, text);
      }
    } catch (error) {
      failure = isClosed ? undefined : messageOf(error);
    }
    onEnd();
    events.push({ kind: "ended", failure, conversation: "kept", stored: () => {} });
    events.close();
  }
  const ended = play();

  return {
    events,
    send: (message) => inbox.push(message),
    answer(permissionId, answer) {
      const resolve = asked.get(permissionId);
      asked.delete(permissionId);
      resolve?.(answer);
      return resolve !== undefined;
    },
    async interrupt() {
      if (!busy) return;
      for (const [permissionId, resolve] of asked) {
        events.push({ kind: "permissionWithdrawn", permissionId });
        resolve(undefined);
      }
      asked.clear();
      interruption.reject(new Interrupted("interrupted"));
    },
    async configure(change) {
      model = change.model ?? model;
      permissionMode = change.permissionMode ?? permissionMode;
      describe();
    },
    async describe() {
      return { commands: [], models: [{ model, name: model, description: "", efforts: [] }], subagents: [] };
    },
    async contextUsage() {
      return { model, totalTokens: texts.join("").length, maxTokens: 1_000, percentage: 0, categories: [] };
    },
    async rewind() {
      return { canRewind: false, reason: "not by this agent", files: [], insertions: 0, deletions: 0, skipped: 0 };
    },
    async stopTask(taskId) {
      throw new Error(`there is no task ${taskId}`);
    },
    async setRules(given) {
      rules.splice(0, rules.length, ...given);
    },
    async inquire() {
      const state = asked.size > 0 ? "requiresAction" : busy ? "running" : "idle";
      events.push({ kind: "standing", state, permissions: [...asked.keys()], tools: [] });
    },
    detach: () => false,
    async close() {
      isClosed = true;
      inbox.close();
      closed.reject(new Error("closed"));
      await ended;
    },
  };
}
