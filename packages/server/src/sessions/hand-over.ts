import type { Agent } from "../agents/index.ts";
import type { Commit } from "../log/index.ts";
import type { MessageRecord } from "../records/index.ts";
import type { Messages } from "./messages.ts";

/** Gives messages to the agent, each once and in order, and notices those that it takes and never answers. */
export interface HandOver {
  /** Another agent was seated: it has been given nothing. */
  begin(): void;
  /** Gives what waits. */
  run(): void;
  readonly isRunning: boolean;
  /** What the agent that sits there was given and has not finished with. */
  readonly unfinished: readonly MessageRecord[];
  /** The agent said something about a message. */
  heard(): void;
  /** The agent says that it is idle. What was unfinished the last time already, it will not answer. */
  idle(): Commit[];
}

const forgotten =
  "The agent took this message and is idle without having answered it. Look at what it did, and send it again if it is still needed.";

/**
 * @param options.take an agent that takes messages; rejects when there is none, and has told why
 * @param options.onRest nothing is being given any more
 */
export function createHandOver(options: {
  messages: Messages;
  take: () => Promise<Agent>;
  onRest: () => void;
}): HandOver {
  const { messages } = options;
  let given = new Set<string>();
  /** Unfinished when the agent last said that it is idle. */
  let suspects = new Set<string>();
  let running: Promise<void> | undefined;

  async function give(): Promise<void> {
    for (const { messageId, content } of messages.queued) {
      const agent = await options.take();
      if (given.has(messageId)) continue;
      given.add(messageId);
      agent.send({ messageId, content });
    }
  }
  const handOver: HandOver = {
    get isRunning() {
      return running !== undefined;
    },
    get unfinished() {
      return messages.open.filter(({ messageId, state }) => state === "handedOver" || given.has(messageId));
    },
    begin() {
      given = new Set();
      suspects = new Set();
    },
    run() {
      // One after the other, so that messages reach the agent in the order in which they were accepted. A failure to
      // start was told as an event already; the messages stay queued.
      const mine = (running ?? Promise.resolve()).then(give).catch(() => {});
      running = mine;
      void mine.then(() => {
        if (running !== mine) return;
        running = undefined;
        options.onRest();
      });
    },
    heard: () => suspects.clear(),
    idle() {
      const open = handOver.unfinished;
      const lost = open.filter(({ messageId }) => suspects.has(messageId));
      suspects = new Set(open.map(({ messageId }) => messageId));
      return lost.flatMap(({ messageId }) => messages.advance(messageId, "indeterminate", forgotten) ?? []);
    },
  };
  return handOver;
}
