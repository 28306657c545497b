import {
  type HookCallback,
  type Options,
  type PermissionResult,
  type PermissionUpdate,
  type PreToolUseHookSpecificOutput,
  query,
  type SDKMessage,
  type SDKUserMessage,
  type SpawnOptions,
} from "@anthropic-ai/claude-agent-sdk";
import { CompanionError, type PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Agent, AgentBlock, AgentEvent, AgentProvider, Availability, OpenOptions } from "../agent.ts";
import { createCatchUp } from "../catch-up.ts";
import type { AgentHosts, AgentLink, AgentListener, HeldAgent } from "../host/index.ts";
import { createQueue } from "../queue.ts";
import { contextUsageOf, descriptionOf, rewindOf } from "./answers.ts";
import { checkClaudeCli, configDirectoryOf, findClaudeCli } from "./cli.ts";
import { createConversations } from "./conversations.ts";
import { rewindDiff } from "./file-history.ts";
import { permissionRequestOf, permissionResultOf } from "./permissions.ts";
import { type ClaudeProcess, hostClaude, lineField, type StandingLine } from "./process.ts";
import { removeFromSettings } from "./settings-files.ts";
import { settingsOf } from "./suggestions.ts";
import { createTranslator } from "./translate.ts";

const availabilityMs = 60_000;
const closeMs = 3_000;
/** Hooks have a time limit; people have none. */
const questionSeconds = 2_000_000;

/** Claude Code through its own SDK: one CLI process a session, many turns. */
export function createClaudeProvider(options: {
  /** CLAUDE_CLI_PATH; undefined uses the CLI that the SDK brings. */
  cliPath: string | undefined;
  /** Built by `agentEnvironment`. */
  environment: Record<string, string>;
  /** Who owns the processes. */
  hosts: AgentHosts;
  /** Whether a person may let an agent do everything without asking. */
  allowBypass: boolean;
  /** An agent that was silent for this long while no server ran is ended. */
  aloneMs: number;
}): AgentProvider {
  const { hosts, allowBypass } = options;
  const survivors = new Map<string, HeldAgent>();
  let checked: { at: number; availability: Promise<Availability> } | undefined;
  const environment: Record<string, string> = {
    ...options.environment,
    // Without it the CLI does not say whether it is idle, running or waiting.
    CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: "1",
  };
  const conversations = createConversations({ configDirectory: configDirectoryOf(environment) });
  return {
    id: "claude",
    conversations,
    name: "Claude Code",
    capabilities: {
      resume: true,
      interrupt: true,
      images: true,
      setModel: true,
      efforts: ["low", "medium", "high", "xhigh", "max"],
      steer: true,
      rewind: true,
      permissionModes: [
        "default",
        "acceptEdits",
        "plan",
        "dontAsk",
        "auto",
        ...(allowBypass ? (["bypassPermissions"] as const) : []),
      ],
      recognisesRepeats: true,
    },
    async check() {
      const known = checked;
      if (known !== undefined && performance.now() - known.at < availabilityMs) return known.availability;
      const asking = checkClaudeCli({ configuredPath: options.cliPath, environment });
      checked = { at: performance.now(), availability: asking };
      // What was fine a while ago is most likely fine: nobody waits for the CLI to say so again.
      const before = await known?.availability;
      return before?.available ? before : asking;
    },
    async open(session) {
      const path = findClaudeCli(options.cliPath);
      if (path === undefined) {
        const availability = await this.check();
        throw new CompanionError(
          "AGENT_UNAVAILABLE",
          availability.available ? "The Claude CLI is gone." : availability.reason,
        );
      }
      const terminal = session.conversationId && (await conversations.elsewhere()).get(session.conversationId);
      if (terminal)
        throw new CompanionError(
          "CONFLICT",
          `This conversation is open in a terminal (process ${terminal}). Two must not write to it: end it there, then send the message again, or fork the session.`,
        );
      const connect: Connect = ({ command, args, cwd, env }, listener) =>
        hosts.start(
          {
            key: session.sessionId,
            name: `claude in ${session.workingDirectory}`,
            command,
            args,
            workingDirectory: cwd ?? session.workingDirectory,
            environment: definedOf(env),
            aloneMs: options.aloneMs,
          },
          listener,
        );
      return openClaude({ ...session, path, environment, allowBypass, connect, messages: undefined });
    },
    async survivors(wanted) {
      const unwanted: HeldAgent[] = [];
      survivors.clear();
      const held = await hosts.list();
      for (const agent of held) {
        const session = wanted.get(agent.key);
        const isKnown = session === undefined || (session.atRest && agent.exit !== undefined);
        if (isKnown || survivors.has(agent.key)) unwanted.push(agent);
        else survivors.set(agent.key, agent);
      }
      await Promise.all(unwanted.map((agent) => hosts.end(agent)));
      await hosts.endOrphans(held);
      // Started now, so that the first message need not wait for it.
      void hosts.ready().catch(() => {});
      return new Set(survivors.keys());
    },
    async attach(session) {
      const survivor = survivors.get(session.sessionId);
      if (survivor === undefined) throw new CompanionError("AGENT_FAILED", "The agent is gone.");
      survivors.delete(session.sessionId);
      return openClaude({
        ...session,
        allowBypass,
        path: process.execPath,
        environment,
        connect: (_spawn, listener) => hosts.attach(survivor, listener),
      });
    },
    revokeRule: ({ value, workingDirectory }) =>
      removeFromSettings({
        update: value as PermissionUpdate,
        workingDirectory,
        configDirectory: configDirectoryOf(environment),
      }),
    close: async () => hosts.close(),
  };
}

type Connect = (spawn: SpawnOptions, listener: AgentListener) => Promise<AgentLink>;

type Pending = { request: z.infer<typeof PermissionRequest>; resolve: (result: PermissionResult) => void };

/** @param session.messages set: the process is there already, and may have been given these */
function openClaude(
  session: OpenOptions & {
    path: string;
    environment: Record<string, string>;
    allowBypass: boolean;
    connect: Connect;
    messages: readonly string[] | undefined;
  },
): Agent {
  const events = createQueue<AgentEvent>();
  const prompts = createQueue<SDKUserMessage>();
  const translator = createTranslator(session.todos);
  const pending = new Map<string, Pending>();
  /** Questions that the hook asks: the CLI does not count them among its own. */
  const askedByHook = new Set<string>();
  /** Answered, but the CLI has not yet shown that it took the answer: permission to tool use. */
  const answered = new Map<string, string | undefined>();
  const isAttached = session.messages !== undefined;
  for (const messageId of session.messages ?? []) translator.sent(messageId);
  const catchUp = createCatchUp();
  if (!isAttached) catchUp.finish();
  /** Whoever asked where it stands, and we, when we come to one that runs. */
  let standingWanted = isAttached ? 1 : 0;
  let conversationId = session.conversationId ?? session.sessionId;
  let cli: ClaudeProcess | undefined;
  let closing: Promise<void> | undefined;
  let isDetached = false;

  /** Resolves with the person's answer; without one when the CLI no longer asks. */
  function ask(request: z.infer<typeof PermissionRequest>, signal: AbortSignal): Promise<PermissionResult> {
    const { permissionId } = request;
    return new Promise((resolve) => {
      pending.set(permissionId, { request, resolve });
      signal.addEventListener("abort", () => {
        // An agent that is gone has not withdrawn what it asked.
        if (cli?.isGone || !pending.delete(permissionId)) return;
        events.push({ kind: "permissionWithdrawn", permissionId });
        resolve({ behavior: "deny", message: "The request was withdrawn." });
      });
      events.push({ kind: "permission", request });
    });
  }
  const canUseTool: Options["canUseTool"] = (toolName, input, asked) =>
    ask(permissionRequestOf(toolName, input, asked), asked.signal);

  /** A question is meant for the person, also in modes that never ask: there the hook itself asks. */
  const askQuestion: HookCallback = async (hook, toolUseID, { signal }) => {
    if (hook.hook_event_name !== "PreToolUse") return {};
    const decide = (decision: Partial<PreToolUseHookSpecificOutput>) => ({
      hookSpecificOutput: { hookEventName: "PreToolUse" as const, ...decision },
    });
    if (hook.permission_mode !== "dontAsk" || toolUseID === undefined) return decide({ permissionDecision: "ask" });
    const input = hook.tool_input as Record<string, unknown>;
    const request = permissionRequestOf(hook.tool_name, input, { requestId: toolUseID, toolUseID, signal });
    askedByHook.add(toolUseID);
    const result = await ask(request, signal).finally(() => askedByHook.delete(toolUseID));
    return result.behavior === "allow"
      ? decide({ permissionDecision: "allow", updatedInput: result.updatedInput ?? input })
      : decide({ permissionDecision: "deny", permissionDecisionReason: result.message });
  };

  const conversation = query({
    prompt: prompts,
    options: {
      cwd: session.workingDirectory,
      additionalDirectories: [...session.furtherDirectories],
      env: session.environment,
      pathToClaudeCodeExecutable: session.path,
      ...(session.conversationId === undefined ? { sessionId: session.sessionId } : { resume: session.conversationId }),
      ...(session.model === undefined ? {} : { model: session.model }),
      permissionMode: session.permissionMode,
      ...(session.allowBypass ? { allowDangerouslySkipPermissions: true } : {}),
      ...(session.rules.length > 0 ? { settings: settingsOf(session.rules) } : {}),
      ...(session.effort === undefined ? {} : { effort: session.effort }),
      enableFileCheckpointing: true,
      includePartialMessages: true,
      forwardSubagentText: true,
      // Echoes each prompt as it is taken: how we learn that a message was handed over, and that one sent twice was dropped.
      extraArgs: { "replay-user-messages": null },
      // As at the desk: the user's own settings, CLAUDE.md and system prompt.
      settingSources: ["user", "project", "local"],
      systemPrompt: { type: "preset", preset: "claude_code" },
      canUseTool,
      hooks: { PreToolUse: [{ matcher: "AskUserQuestion", hooks: [askQuestion], timeout: questionSeconds }] },
      spawnClaudeCodeProcess(spawnOptions) {
        cli = hostClaude({
          connect: (listener) => session.connect(spawnOptions, listener),
          onConnected(link) {
            if (link.note !== "") translator.restore(link.note);
          },
          onUnreadable(line, start) {
            const text = "The agent wrote a line that could not be read; it was skipped.";
            const data = { kind: "unreadable" as const, text, details: { start } };
            events.push({
              kind: "durable",
              id: `unreadable:${cli?.agentId}:${line}`,
              event: { type: "agentNotice", data },
            });
          },
        });
        return cli;
      },
    },
  });

  function noteApplied(event: AgentEvent): void {
    if (answered.size === 0) return;
    const toolUseId =
      event.kind === "durable" && event.event.type === "toolResult" ? event.event.data.toolUseId : undefined;
    const movedOn = event.kind === "state" && event.state !== "requiresAction";
    for (const [permissionId, tool] of answered) {
      if (!movedOn && (toolUseId === undefined || tool !== toolUseId)) continue;
      answered.delete(permissionId);
      events.push({ kind: "permissionApplied", permissionId });
    }
  }

  function heed(message: SDKMessage & { [lineField]?: number }): void {
    const standing = standingOf(message);
    if (standing !== undefined) {
      if (standingWanted === 0) return;
      standingWanted -= 1;
      const permissions = [...standing.permissions, ...askedByHook];
      for (const event of catchUp.finish()) events.push(event);
      events.push({ ...standing, permissions, tools: translator.tools });
      return;
    }
    for (const event of translator.translate(message)) {
      if (event.kind === "described") conversationId = event.conversationId ?? conversationId;
      noteApplied(event);
      if (catchUp.passes(event)) events.push(event);
    }
    const line = message[lineField];
    if (message.type === "stream_event" || line === undefined || !translator.isAtRest) return;
    const note = translator.note();
    events.push({ kind: "checkpoint", stored: () => cli?.stored(line, note) });
  }

  async function pump(): Promise<void> {
    let failure: string | undefined;
    try {
      for await (const message of conversation) heed(message);
    } catch (error) {
      failure = error instanceof Error ? (error.message.split("\n")[0] ?? error.message) : String(error);
    }
    if (isDetached) return events.close();
    const endedByItself = cli?.isGone === true;
    // What it started (shells) must not run on without anybody who sees it.
    cli?.killGroup("SIGTERM");
    const killer = setTimeout(() => cli?.killGroup("SIGKILL"), closeMs);
    const exit = await cli?.exited;
    clearTimeout(killer);
    if (failure === undefined) failure = "The Claude CLI ended by itself.";
    if (exit === undefined && cli?.wasConnected)
      failure = "The process that hosts the agents died, and the agent with it.";
    if (exit?.stderr) failure = `${failure} (${exit.stderr.slice(-500)})`;
    // An earlier server, or the command line, had told it to.
    const wasAsked = closing !== undefined || (endedByItself && exit?.asked === true);
    for (const event of catchUp.finish()) events.push(event);
    events.push({
      kind: "ended",
      failure: wasAsked ? undefined : failure,
      conversation: conversationAfter(failure),
      stored: () => cli?.collect(),
    });
    events.close();
  }
  const ended = pump();

  async function end(): Promise<void> {
    cli?.release();
    prompts.close();
    conversation.close();
    const killer = setTimeout(() => cli?.killGroup("SIGKILL"), closeMs);
    await ended;
    clearTimeout(killer);
  }

  return {
    events,
    send({ messageId, content }, how) {
      translator.sent(messageId);
      prompts.push({
        type: "user",
        uuid: messageId as `${string}-${string}-${string}-${string}-${string}`,
        parent_tool_use_id: null,
        origin: { kind: "human" },
        ...(how?.steer ? { priority: "next" as const } : {}),
        message: { role: "user", content: typeof content === "string" ? content : content.map(inputBlock) },
      });
    },
    answer(permissionId, answer) {
      const asked = pending.get(permissionId);
      if (asked === undefined) return false;
      pending.delete(permissionId);
      answered.set(permissionId, asked.request.toolUseId);
      asked.resolve(permissionResultOf(asked.request, answer));
      return true;
    },
    async interrupt() {
      await conversation.interrupt();
    },
    async configure(change) {
      if (change.model !== undefined) await conversation.setModel(change.model);
      if (change.effort !== undefined) await conversation.applyFlagSettings({ effortLevel: change.effort });
      if (change.permissionMode !== undefined) await conversation.setPermissionMode(change.permissionMode);
    },
    describe: async () => descriptionOf(await conversation.initializationResult()),
    contextUsage: async () => contextUsageOf(await conversation.getContextUsage({ detail: "summary" })),
    async rewind(messageId, { dryRun }) {
      const told = rewindOf(await conversation.rewindFiles(messageId, { dryRun: true }));
      const about = { configDirectory: configDirectoryOf(session.environment), conversationId, messageId };
      const diff = told.canRewind ? await rewindDiff({ ...about, files: told.files }) : undefined;
      const preview = diff === undefined ? told : { ...told, diff };
      if (dryRun || !preview.canRewind) return preview;
      // What is done does not say what it was; what it would be does.
      const { canRewind, reason, skipped } = rewindOf(await conversation.rewindFiles(messageId));
      return { ...preview, canRewind, reason, skipped };
    },
    stopTask: (taskId) => conversation.stopTask(taskId),
    setRules: (rules) => conversation.applyFlagSettings(settingsOf(rules)),
    async inquire() {
      // The CLI would take back what a hook of ours is asking (docs/decisions/0009).
      if (askedByHook.size > 0) return;
      standingWanted += 1;
      await conversation.reinitialize();
    },
    close() {
      closing ??= end();
      return closing;
    },
    detach() {
      isDetached = true;
      cli?.detach();
      prompts.close();
      conversation.close();
      return true;
    },
  };
}

function standingOf(message: {
  type: string;
  subtype?: string;
}): Extract<AgentEvent, { kind: "standing" }> | undefined {
  if (message.subtype !== ("companion_standing" satisfies StandingLine["subtype"])) return undefined;
  const { state, permissions } = message as StandingLine;
  const known =
    state === "idle" || state === "running" ? state : state === "requires_action" ? "requiresAction" : undefined;
  return { kind: "standing", state: known, permissions, tools: [] };
}

const definedOf = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

/** The CLI says in words alone why it would not begin. */
function conversationAfter(failure: string | undefined): Extract<AgentEvent, { kind: "ended" }>["conversation"] {
  if (failure?.includes("No conversation found")) return "lost";
  return /Session ID \S+ is already in use/.test(failure ?? "") ? "found" : "kept";
}

type InputBlocks = Exclude<SDKUserMessage["message"]["content"], string>;

function inputBlock(block: AgentBlock): InputBlocks[number] {
  if (block.type === "text") return { type: "text", text: block.text };
  const { mediaType, data } = block.source;
  if (block.type === "image") {
    return { type: "image", source: { type: "base64", media_type: mediaType as "image/png", data } };
  }
  if (mediaType === "application/pdf") {
    return { type: "document", source: { type: "base64", media_type: mediaType, data }, title: block.title ?? null };
  }
  const text = Buffer.from(data, "base64").toString("utf8");
  return {
    type: "document",
    source: { type: "text", media_type: "text/plain", data: text },
    title: block.title ?? null,
  };
}
