import type { DurableData, DurableType, PushReason } from "@claude-companion/protocol";

/** What an event means to a person who is away. */
export type Happening =
  | { kind: "tell"; reason: PushReason; permissionId: string | undefined }
  /** A prompt was answered, or nobody asks any more. */
  | { kind: "settled"; permissionId: string }
  /** A person went on in this session: what was told of the last turn is old. */
  | { kind: "wentOn" };

const read = [
  "permissionRequest",
  "permissionResolved",
  "turnCompleted",
  "sessionUpdated",
  "sessionStatus",
  "agentNotice",
  "humanMessage",
  "messageState",
] as const satisfies readonly DurableType[];

/** The events that can mean something; all others are not even looked at. */
export const meaningful: ReadonlySet<string> = new Set(read);

interface Message {
  isScheduled: boolean;
  correlationId: string | undefined;
}

/** Reads the events of one session in order, and remembers which message is being worked on. */
export interface Interpreter {
  /** Of the request that began the turn, if that is known. */
  readonly correlationId: string | undefined;
  /** Nothing to remember: a new one knows as much. */
  readonly isBlank: boolean;
  read(type: string, data: unknown): Happening | undefined;
}

export function createInterpreter(): Interpreter {
  /** Messages that are not answered yet. */
  const open = new Map<string, Message>();
  /** The one that is being worked on. */
  let current: Message | undefined;

  // One for each event that is read: a missing one does not compile.
  const readers: { [T in (typeof read)[number]]: (data: DurableData<T>) => Happening | undefined } = {
    permissionRequest: ({ kind, permissionId }) => ({
      kind: "tell",
      reason: kind === "question" ? "question" : "permission",
      permissionId,
    }),
    permissionResolved: ({ permissionId }) => ({ kind: "settled", permissionId }),
    humanMessage({ messageId, by, scheduleId, correlationId }) {
      open.set(messageId, { isScheduled: scheduleId !== undefined, correlationId });
      return by !== undefined && scheduleId === undefined ? { kind: "wentOn" } : undefined;
    },
    messageState({ messageId, state }) {
      if (state === "handedOver") current = open.get(messageId);
      if (state !== "handedOver" && state !== "queued") open.delete(messageId);
      return undefined;
    },
    turnCompleted({ result }) {
      const reasons = {
        success: current?.isScheduled ? "scheduleDone" : "turnFinished",
        error: "turnFailed",
        limit: "limitReached",
        // A person did that.
        interrupted: undefined,
      } as const;
      return tell(reasons[result]);
    },
    sessionUpdated: ({ obstacle }) =>
      tell(obstacle?.kind === "login" ? "loginNeeded" : obstacle?.kind === "usageLimit" ? "limitReached" : undefined),
    sessionStatus: ({ status }) => tell(status === "failed" ? "turnFailed" : undefined),
    agentNotice: ({ kind }) => tell(kind === "silent" ? "turnFailed" : undefined),
  };
  return {
    get isBlank() {
      return open.size === 0;
    },
    get correlationId() {
      return current?.correlationId;
    },
    read(type, data) {
      const reader = readers[type as keyof typeof readers] as ((data: unknown) => Happening | undefined) | undefined;
      return reader?.(data);
    },
  };
}

const tell = (reason: PushReason | undefined): Happening | undefined =>
  reason === undefined ? undefined : { kind: "tell", reason, permissionId: undefined };

/** A prompt waits until it is answered; all else is news, which grows old. */
export const isPrompt = (reason: string): boolean => reason === "permission" || reason === "question";
