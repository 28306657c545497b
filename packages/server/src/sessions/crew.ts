import { type Clock, every } from "../clock.ts";

const lookMs = 5_000;

/** A session, as far as its agent takes up room. */
export interface Member {
  readonly sessionId: string;
  /** Since when its agent is idle and could be put to sleep (monotonic ms); undefined: it is at work. */
  readonly idleSince: number | undefined;
  /** Ends its agent; the session goes on with the next message. */
  sleep(): Promise<void>;
}

/** What there is too little of: places for agents, or memory for another one. */
export type Shortage = "crowd" | "memory";

/** The agents that run, over all sessions. An idle one makes room for one that is needed; where none is, the next ones wait. */
export interface Crew {
  /**
   * Resolves when the member's agent may start; it counts from then on.
   * @param how.onWait it has to wait for others, and why
   * @throws the signal's reason when it is given up
   */
  join(member: Member, how: { signal: AbortSignal; onWait: (why: Shortage) => void }): Promise<void>;
  /** Its agent runs already. */
  add(member: Member): void;
  /** Its agent is gone. */
  leave(member: Member): void;
  /** Its agent became idle. */
  rested(): void;
  /** How many agents run. */
  readonly size: number;
  /** Bytes that are free, when that is too little; else undefined. */
  readonly memoryShort: number | undefined;
  close(): void;
}

interface Waiting {
  member: Member;
  admit: () => void;
  onWait: (why: Shortage) => void;
  isTold: boolean;
}

/**
 * @param options.agentsMax how many may run at once
 * @param options.memoryBytesMin so much must be free for another one, unless it is the only one
 * @param options.availableMemory bytes that are free now
 */
export function createCrew(options: {
  agentsMax: number;
  memoryBytesMin: number;
  availableMemory: () => number;
  clock: Pick<Clock, "after">;
}): Crew {
  const { agentsMax, memoryBytesMin, availableMemory } = options;
  const members = new Set<Member>();
  const waiting: Waiting[] = [];
  let making: Promise<void> | undefined;

  function shortage(): Shortage | undefined {
    if (members.size >= agentsMax) return "crowd";
    return members.size > 0 && availableMemory() < memoryBytesMin ? "memory" : undefined;
  }
  function advance(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const why = shortage();
      if (why !== undefined) return makeRoom(why);
      waiting.shift();
      members.add(next.member);
      next.admit();
    }
  }
  /** The agent that was idle for longest goes to sleep. Nobody loses anything by that. */
  function makeRoom(why: Shortage): void {
    if (making !== undefined) return;
    const idle = [...members].filter(({ idleSince }) => idleSince !== undefined);
    const [longest] = idle.sort((a, b) => (a.idleSince ?? 0) - (b.idleSince ?? 0));
    if (longest === undefined) {
      for (const one of waiting) {
        if (!one.isTold) one.onWait(why);
        one.isTold = true;
      }
      return;
    }
    making = longest.sleep().finally(() => {
      making = undefined;
      advance();
    });
  }
  const stop = every(options.clock, lookMs, () => {
    if (availableMemory() < memoryBytesMin && members.size > 1) makeRoom("memory");
    advance();
  });
  return {
    join(member, { signal, onWait }) {
      if (members.has(member)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const one: Waiting = { member, admit: resolve, onWait, isTold: false };
        signal.addEventListener("abort", () => {
          const at = waiting.indexOf(one);
          if (at !== -1) waiting.splice(at, 1);
          reject(signal.reason);
        });
        waiting.push(one);
        advance();
      });
    },
    add: (member) => void members.add(member),
    leave(member) {
      if (members.delete(member)) advance();
    },
    rested: advance,
    get size() {
      return members.size;
    },
    get memoryShort() {
      const free = availableMemory();
      return free < memoryBytesMin ? free : undefined;
    },
    close: stop,
  };
}
