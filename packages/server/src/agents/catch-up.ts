import type { AgentEvent } from "./agent.ts";

type Delta = Extract<AgentEvent, { kind: "delta" }>["delta"];

/**
 * What an agent said while nobody listened comes all at once, and some of it may have been told before the server died:
 * live text only of what it is still writing, in one piece, and no states that have passed.
 */
export interface CatchUp {
  /** Whether an event is to be told now; what is not is kept, or of no interest any more. */
  passes(event: AgentEvent): boolean;
  /** It is over: what was kept. */
  finish(): AgentEvent[];
}

export function createCatchUp(): CatchUp {
  const open = new Map<string, Delta>();
  let isOver = false;
  return {
    passes(event) {
      if (isOver) return true;
      if (event.kind === "state") return false;
      if (event.kind === "delta") {
        const { delta } = event;
        const key = `${delta.messageId}/${delta.blockIndex}`;
        const before = open.get(key);
        open.set(key, before === undefined ? delta : { ...before, text: before.text + delta.text });
        return false;
      }
      if (event.kind !== "durable") return true;
      const { type, data } = event.event;
      if (type === "assistantMessage" || type === "toolUse") open.delete(`${data.messageId}/${data.blockIndex}`);
      if (type === "turnCompleted")
        for (const [key, delta] of open) if (delta.parentToolUseId === undefined) open.delete(key);
      return true;
    },
    finish() {
      isOver = true;
      const rest = [...open.values()].map((delta): AgentEvent => ({ kind: "delta", delta }));
      open.clear();
      return rest;
    },
  };
}
