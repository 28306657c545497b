import type { AgentEvent } from "./agent.ts";

type Delta = Extract<AgentEvent, { kind: "delta" }>["delta"];

/**
 * What an agent said while nobody listened comes all at once, and some of it may have been told before the server died:
 * live text only of what it is still writing, in one piece, and no states that have passed.
 */
export interface CatchUp {
  /** What of an event is to be told now. */
  pass(event: AgentEvent): AgentEvent[];
  /** It is over: what is left to tell. */
  finish(): AgentEvent[];
}

export function createCatchUp(): CatchUp {
  const open = new Map<string, Delta>();
  let isOver = false;
  return {
    pass(event) {
      if (isOver) return [event];
      if (event.kind === "state") return [];
      if (event.kind === "delta") {
        const { delta } = event;
        const key = `${delta.messageId}/${delta.blockIndex}`;
        const before = open.get(key);
        open.set(key, before === undefined ? delta : { ...before, text: before.text + delta.text });
        return [];
      }
      if (event.kind !== "durable") return [event];
      const { type, data } = event.event;
      if (type === "assistantMessage" || type === "toolUse") open.delete(`${data.messageId}/${data.blockIndex}`);
      if (type === "turnCompleted")
        for (const [key, delta] of open) if (delta.parentToolUseId === undefined) open.delete(key);
      return [event];
    },
    finish() {
      isOver = true;
      const rest = [...open.values()].map((delta): AgentEvent => ({ kind: "delta", delta }));
      open.clear();
      return rest;
    },
  };
}
