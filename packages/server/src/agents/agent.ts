import type {
  AgentCapabilities,
  AgentDescription,
  ContextUsage,
  DurableData,
  DurableEvent,
  Effort,
  InputBlock,
  PermissionAnswer,
  PermissionMode,
  PermissionRequest,
  Rewind,
  StreamData,
} from "@claude-companion/protocol";
import type { z } from "zod";

type Infer<T extends z.ZodType> = z.infer<T>;

/** What a person said, as an agent takes it: nothing has to be looked up any more. */
export type AgentContent = string | AgentBlock[];
export type AgentBlock = Exclude<Infer<typeof InputBlock>, { type: "upload" }>;

/** A kind of coding agent, such as Claude Code. Makes agents; holds no session. */
export interface AgentProvider {
  readonly id: string;
  readonly name: string;
  readonly capabilities: Infer<typeof AgentCapabilities>;
  /** Undefined: it keeps no history that others could read. */
  readonly conversations: Conversations | undefined;
  /** Whether an agent could be started now, and what to do if not. Never throws. */
  check(): Promise<Availability>;
  /**
   * Starts an agent for one session.
   * @throws CompanionError `AGENT_UNAVAILABLE` when it cannot be started
   */
  open(options: OpenOptions): Promise<Agent>;
  /**
   * Sessions whose agent an earlier server of the same data left: it runs on, or it has ended and not all that it said
   * is stored. Agents of any other session are ended.
   * @param wanted the sessions that may have one; `atRest`: the end of the last one is known already
   */
  survivors(wanted: ReadonlyMap<string, { atRest: boolean }>): Promise<ReadonlySet<string>>;
  /**
   * Goes on with an agent that survived: what was not stored comes again, then `standing`, then what is new.
   * @param options.messages ids of the messages that it may have been given
   */
  attach(options: OpenOptions & { messages: readonly string[] }): Promise<Agent>;
  /**
   * Takes back a rule that reaches beyond one session. What is not there any more is fine.
   * @throws CompanionError `AGENT_FAILED` when it cannot be taken back, with what to do
   */
  revokeRule(rule: { value: unknown; workingDirectory: string }): Promise<void>;
  /** Lets go of all agents that were not closed; they go on. */
  close(): Promise<void>;
}

/** Something that was said in a conversation, from the agent's own transcript. */
export interface PastEvent {
  /** The same as it has when it is heard live. */
  id: string;
  timestamp: string | undefined;
  event: DurableEvent;
}

/** A conversation that the agent remembers, wherever it was held. Times in ms since 1970. */
export interface Conversation {
  conversationId: string;
  title: string;
  workingDirectory: string;
  createdAt: number;
  lastActivityAt: number;
  branch: string | undefined;
  /** A process has it now, ours or another. */
  running: boolean;
}

/** An agent's own history. */
export interface Conversations {
  /** Those last used first. */
  list(): Promise<Conversation[]>;
  /** All of one, in order; empty when there is no such conversation. */
  read(conversationId: string): Promise<PastEvent[]>;
  /**
   * Copies a conversation, up to a message (and with it) or all of it.
   * @returns the id of the copy
   * @throws CompanionError `CONFLICT` when that cannot be
   */
  fork(
    conversationId: string,
    options: { upToMessageId: string | undefined; title: string | undefined },
  ): Promise<string>;
  /** What changed from a message of a person to the next one, in files that the agent edited. Undefined: it is not known. */
  turnDiff(conversationId: string, messageId: string): Promise<{ files: string[]; diff: string } | undefined>;
  /** Conversations that people have in a terminal now, with the process. */
  elsewhere(): Promise<ReadonlyMap<string, number>>;
  /** When something was last added (ms since 1970); undefined: there is no such conversation. */
  changedAt(conversationId: string): Promise<number | undefined>;
}

/** Whether an agent can be started on this machine. */
export type Availability =
  | {
      available: true;
      version: string | undefined;
      path: string | undefined;
      login: string | undefined;
      warning: string | undefined;
    }
  | { available: false; version: string | undefined; path: string | undefined; reason: string };

/** What an agent needs to start. */
export interface OpenOptions {
  /** Our session; an agent that can, uses it as its conversation id. */
  sessionId: string;
  /** Absolute real path. */
  workingDirectory: string;
  /** What it may read besides: real paths. */
  furtherDirectories: readonly string[];
  model: string | undefined;
  effort: Infer<typeof Effort> | undefined;
  permissionMode: Infer<typeof PermissionMode>;
  /** The conversation to go on with; undefined begins a new one. */
  conversationId: string | undefined;
  /** What it meant to do, when it was last heard of. */
  todos: DurableData<"todosChanged">["todos"];
  /** Rules that hold in this session, each as the agent suggested it. */
  rules: readonly unknown[];
}

/** What can be changed while it runs. */
export interface Configuration {
  model?: string;
  effort?: Infer<typeof Effort>;
  permissionMode?: Infer<typeof PermissionMode>;
}

/** A running agent. Everything it does comes out of `events`, in order; the iteration ends when the agent has ended. */
export interface Agent {
  /** May be iterated once. The last event is `ended`. */
  readonly events: AsyncIterable<AgentEvent>;
  /** Hands a message over, with `steer` into the turn that runs, if the agent can do that. Its fate comes as `message` events. */
  send(message: { messageId: string; content: AgentContent }, how?: { steer: boolean }): void;
  /** Answers a permission that the agent asked for; `permissionApplied` follows when the agent has taken it. False: it no longer asks. */
  answer(permissionId: string, answer: Infer<typeof PermissionAnswer>): boolean;
  /** Stops the turn. Resolves when the agent has acknowledged. */
  interrupt(): Promise<void>;
  /** Changes model, effort or mode for what comes next. */
  configure(change: Configuration): Promise<void>;
  /** What it offers. */
  describe(): Promise<Infer<typeof AgentDescription>>;
  contextUsage(): Promise<Infer<typeof ContextUsage>>;
  /** Takes files back to where they were before a message, or only tells what that would change. */
  rewind(messageId: string, how: { dryRun: boolean }): Promise<Infer<typeof Rewind>>;
  /** Stops something that goes on besides the turn. Rejects when there is no such thing. */
  stopTask(taskId: string): Promise<void>;
  /** From now on these are the session's rules. */
  setRules(rules: readonly unknown[]): Promise<void>;
  /** Asks where it stands; `standing` follows. Resolves when it has answered. */
  inquire(): Promise<void>;
  /** Ends the agent and all that it started. Idempotent. */
  close(): Promise<void>;
  /** Lets go of it and ends `events`: it goes on and can be attached to again. False: it cannot, and nothing was done. */
  detach(): boolean;
}

/** What an agent does. */
export type AgentEvent =
  /** Something to store; `id` is the agent's own id of it, so that seen twice counts once. */
  | { kind: "durable"; id: string; event: DurableEvent }
  /** Live text; the offset is the session's to count. */
  | { kind: "delta"; delta: Omit<Infer<typeof StreamData>, "offset"> }
  | { kind: "state"; state: "idle" | "running" | "requiresAction" }
  | { kind: "message"; messageId: string; state: "handedOver" | "answered" | "failed"; reason: string | undefined }
  | { kind: "permission"; request: Infer<typeof PermissionRequest> }
  | { kind: "permissionApplied"; permissionId: string }
  | { kind: "permissionWithdrawn"; permissionId: string }
  /** What the agent says of itself when it starts or changes. */
  | {
      kind: "described";
      conversationId: string | undefined;
      model: string | undefined;
      permissionMode: Infer<typeof PermissionMode> | undefined;
      version: string | undefined;
    }
  /** Work that goes on besides the turn (shells, sub-agents): while there is some, the agent must not be put to sleep. */
  | { kind: "background"; tasks: number }
  /** The agent's own account keeps it from going on, until a turn succeeds. */
  | { kind: "obstacle"; obstacle: { kind: "usageLimit" | "login"; text: string; untilMs: number | undefined } }
  | { kind: "emptyDelta" }
  /** Where it stands by its own account, now: everything that it asks, and nothing else. */
  | {
      kind: "standing";
      state: "idle" | "running" | "requiresAction" | undefined;
      permissions: readonly string[];
      /** Tool uses without a result yet. */
      tools: readonly string[];
    }
  /** Call `stored` once everything that came before is: until then it would come again. */
  | { kind: "checkpoint"; stored: () => void }
  /**
   * `conversation`: what the next agent must do. `lost`: there is no such conversation (any more), begin a new one.
   * `found`: there was one already under our session's id, go on with it.
   */
  | { kind: "ended"; failure: string | undefined; conversation: "kept" | "lost" | "found"; stored: () => void };
