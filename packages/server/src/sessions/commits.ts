import type { CompanionError, Content, DurableData, StreamData } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Commit } from "../log/index.ts";

type OpenBlock = { delta: Omit<z.infer<typeof StreamData>, "offset" | "text">; text: string };

/** Text that an agent was writing when it went away, stored as far as it had come. */
export function partialMessages(blocks: readonly OpenBlock[]): Commit {
  const events = blocks.flatMap(({ delta, text }): Commit["events"][number][] => {
    if (delta.kind === "toolInput") return [];
    const { messageId, blockIndex, parentToolUseId } = delta;
    const type = delta.kind === "thinking" ? ("thinking" as const) : ("text" as const);
    const data = { messageId, blockIndex, content: [{ type, text }], parentToolUseId, partial: true };
    return [{ id: `partial:${messageId}:${blockIndex}`, event: { type: "assistantMessage", data } }];
  });
  return { events, records: [] };
}

/** A commit that changes nothing. */
export const nothing: Commit = { events: [], records: [] };

/** Several commits as one. */
export function together(commits: (Commit | undefined)[]): Commit {
  return {
    events: commits.flatMap((commit) => commit?.events ?? []),
    records: commits.flatMap((commit) => commit?.records ?? []),
  };
}

/** An error that the session's devices are told; the session goes on. */
export function errorEvent(error: CompanionError): Commit {
  const { code, message, retryable, details } = error;
  return {
    events: [{ id: undefined, event: { type: "error", data: { code, message, retryable, details } } }],
    records: [],
  };
}

export function noticeEvent(kind: DurableData<"agentNotice">["kind"], text: string): Commit {
  return { events: [{ id: undefined, event: { type: "agentNotice", data: { kind, text } } }], records: [] };
}

/** An agent that says nothing is told, with what can be done. */
export function silenceNotice({ silentMs, answers }: { silentMs: number; answers: boolean }): Commit {
  const minutes = Math.max(1, Math.round(silentMs / 60_000));
  const text = answers
    ? `Nothing was heard of the agent for ${minutes} min, and no tool is at work: the model may be slow, or the connection to it is gone. Wait, interrupt the turn, or restart the agent; it goes on with the conversation.`
    : "The agent does not answer. Wait, or restart it; it goes on with the conversation.";
  const details = {
    silentMs,
    answers,
    options: answers ? ["wait", "interrupt", "restartAgent"] : ["wait", "restartAgent"],
  };
  return {
    events: [{ id: undefined, event: { type: "agentNotice", data: { kind: "silent", text, details } } }],
    records: [],
  };
}

/** The first line of the first message names a session that was given no name. */
export function titleOf(content: z.infer<typeof Content>): string {
  const text =
    typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "")).join(" ");
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
