import type { Agent, AgentContent } from "../agents/index.ts";
import type { Commit } from "../log/index.ts";
import type { MessageRecord } from "../records/index.ts";
import type { Messages } from "./messages.ts";

/** Gives messages to the agent, each once and in order, and notices those that it takes and never answers. */
export interface HandOver {
  /** Another agent was seated: it has been given nothing. */
  begin(): void;
  /** Gives what may go now: what steers or interrupts at once, what is queued when the agent is free. */
  run(): void;
  readonly isRunning: boolean;
  /** What waits and can still be moved or taken back. */
  readonly waiting: readonly MessageRecord[];
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
 * @param options.isOpen whether the next message may go to an agent that is free
 * @param options.take an agent that takes messages; rejects when there is none, and has told why
 * @param options.read a message as the agent takes it
 * @param options.onRest nothing is being given any more
 */
export function createHandOver(options: {
  messages: Messages;
  isOpen: () => boolean | Promise<boolean>;
  take: () => Promise<Agent>;
  read: (message: MessageRecord) => Promise<AgentContent>;
  onRest: () => void;
}): HandOver {
  const { messages } = options;
  let given = new Set<string>();
  /** Unfinished when the agent last said that it is idle. */
  let suspects = new Set<string>();
  let running: Promise<void> | undefined;

  function next(): MessageRecord | undefined {
    const waiting = handOver.waiting;
    const urgent = waiting.find(({ delivery }) => delivery === "interrupt" || delivery === "steer");
    // One after the other, so that what waits can be moved or taken back, and each has a turn of its own.
    return urgent ?? (handOver.unfinished.length === 0 ? waiting[0] : undefined);
  }
  async function give(): Promise<void> {
    while (next() !== undefined) {
      // What is said to an agent at work is part of a turn that was let through.
      if (handOver.unfinished.length === 0 && !(await options.isOpen())) return;
      const agent = await options.take();
      // Chosen once there is somebody to give it to: until then it may have been moved or taken back.
      const message = next();
      if (message === undefined) return;
      const { messageId, delivery } = message;
      const isBusy = handOver.unfinished.length > 0;
      given.add(messageId);
      const content = await options.read(message);
      // An agent that does not heed it goes on, and takes the message after the turn.
      if (delivery === "interrupt" && isBusy) await agent.interrupt().catch(() => {});
      agent.send({ messageId, content }, { steer: delivery === "steer" && isBusy });
    }
  }
  const handOver: HandOver = {
    get isRunning() {
      return running !== undefined;
    },
    get waiting() {
      return messages.queued.filter(({ messageId }) => !given.has(messageId));
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
