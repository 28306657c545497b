import type { Companion } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useEffect, useState } from "react";
import { isAwake } from "./words.ts";

/** How full the agent's memory of the conversation is. */
export type ContextUsage = CommandAck<"getContextUsage">;

/**
 * Asked after each answer while the agent is awake: a sleeping one is not woken only to be looked at.
 * @param house.tokens of the newest answer; a change is a reason to ask again
 */
export function useContextUsage(house: {
  companion: Companion;
  sessionId: string;
  status: string;
  tokens: number | undefined;
}): ContextUsage | undefined {
  const { companion, sessionId, tokens } = house;
  const [usage, setUsage] = useState<ContextUsage>();
  const canAsk = isAwake(house.status);
  useEffect(() => {
    if (!canAsk || tokens === undefined) return undefined;
    let isOver = false;
    companion.request("getContextUsage", { sessionId }).then(
      (found) => isOver || setUsage(found),
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [companion, sessionId, canAsk, tokens]);
  return usage;
}
