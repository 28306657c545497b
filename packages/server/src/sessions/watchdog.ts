import type { AgentEvent } from "../agents/index.ts";
import { type Clock, every } from "../clock.ts";

/** Sees to it that an agent which went silent is asked where it stands, and that people are told when it stays silent. */
export interface Watchdog {
  /** An agent was seated; it is watched until `stop`. */
  start(): void;
  /** The agent did something. */
  heard(event: AgentEvent): void;
  stop(): void;
}

/**
 * @param options.silentAfterMs a turn without a word and without a tool at work for this long is told
 * @param options.turnOf whose turn it is: the agent's while it works or a message waits for it, a person's while it asks
 * @param options.inquire asks the agent where it stands; rejects when it does not answer
 * @param options.onSilent told once for each silence; `answers`: whether it still answers questions
 */
export function createWatchdog(options: {
  clock: Pick<Clock, "after" | "monotonicMs">;
  silentAfterMs: number;
  turnOf: () => "agent" | "person" | undefined;
  inquire: () => Promise<void>;
  onSilent: (silence: { silentMs: number; answers: boolean }) => void;
}): Watchdog {
  const { clock, silentAfterMs } = options;
  const checkMs = Math.min(60_000, silentAfterMs / 2);
  const tools = new Set<string>();
  let heardAt = 0;
  let isTold = false;
  let asking = false;
  let stopLooking: (() => void) | undefined;

  async function look(): Promise<void> {
    const silentMs = clock.monotonicMs() - heardAt;
    const turn = options.turnOf();
    if (asking || isTold || silentMs < checkMs || turn === undefined || (turn === "agent" && tools.size > 0)) return;
    asking = true;
    const before = heardAt;
    const answers = await options.inquire().then(
      () => true,
      () => false,
    );
    asking = false;
    // It spoke, or is gone, or what it said of itself has settled the matter.
    if (heardAt !== before || stopLooking === undefined || options.turnOf() === undefined) return;
    if (answers && (silentMs < silentAfterMs || options.turnOf() === "person")) return;
    isTold = true;
    options.onSilent({ silentMs, answers });
  }

  return {
    start() {
      stopLooking?.();
      tools.clear();
      heardAt = clock.monotonicMs();
      isTold = false;
      stopLooking = every(clock, checkMs, () => void look());
    },
    heard(event) {
      if (event.kind === "standing") {
        tools.clear();
        for (const tool of event.tools) tools.add(tool);
        return;
      }
      // Said in answer to our asking, or no word of the agent's own.
      if (event.kind === "background" || event.kind === "checkpoint" || event.kind === "described") return;
      if (event.kind === "durable") {
        const { type, data } = event.event;
        if (type === "toolUse") tools.add(data.toolUseId);
        if (type === "toolResult") tools.delete(data.toolUseId);
        if (type === "turnCompleted") tools.clear();
      }
      heardAt = clock.monotonicMs();
      isTold = false;
    },
    stop() {
      stopLooking?.();
      stopLooking = undefined;
    },
  };
}
