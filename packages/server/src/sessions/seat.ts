import { CompanionError } from "@claude-companion/protocol";
import type { Agent, AgentEvent, AgentProvider } from "../agents/index.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Journal } from "./journal.ts";

type OpenOptions = Parameters<AgentProvider["open"]>[0];

/** The place of a session's agent: one at a time, started when it is needed. */
export interface Seat {
  /** Who sits there now, even if it is just being ended. */
  readonly agent: Agent | undefined;
  /** Nobody sits there or is on the way. */
  readonly isEmpty: boolean;
  /**
   * An agent that takes messages; started if there is none.
   * @throws CompanionError when it cannot be started
   */
  take(): Promise<Agent>;
  /** Seats the agent that an earlier server left. @throws CompanionError when it is gone */
  seat(survivor: Promise<Agent>): Promise<Agent>;
  /** Ends the agent. Resolves when all that it said has been told. */
  vacate(): Promise<void>;
  /** Lets go of the agent, which goes on for a later server. False: it cannot, and still sits there. */
  leave(): Promise<boolean>;
}

/**
 * @param options.onOpening before an agent is started
 * @param options.onOpened how long it took to start one, and why it failed if so
 * @param options.onFailed it could not be started
 * @param options.onSeated before anything is heard of it
 * @param options.onEvent what the agent that sits there does; a late word of an older one is dropped
 */
export function createSeat(options: {
  provider: Pick<AgentProvider, "open" | "name">;
  /** Room for an agent of this session, among all of them. */
  place: { take(signal: AbortSignal): Promise<void>; keep(): void; free(): void };
  journal: Pick<Journal, "text" | "settled" | "room">;
  openOptions: () => OpenOptions;
  clock: Pick<Clock, "monotonicMs">;
  onOpening: () => void;
  onOpened: (opened: { durationMs: number; failure: string | undefined }) => void;
  onFailed: (failure: CompanionError) => void;
  onSeated: () => void;
  /** Anything of the agent that sits there, before it is told. */
  onHeard: (event: AgentEvent) => void;
  onEvent: (event: Exclude<AgentEvent, { kind: "delta" }>, source: Agent) => void;
}): Seat {
  const { provider, journal, place } = options;
  let agent: Agent | undefined;
  let opening: Promise<Agent> | undefined;
  let admission = new AbortController();
  let ending: Promise<void> | undefined;
  let listening: Promise<void> = Promise.resolve();

  async function open(): Promise<Agent> {
    await ending;
    admission = new AbortController();
    await place.take(admission.signal);
    options.onOpening();
    const startedAt = options.clock.monotonicMs();
    const opened = (failure: string | undefined) =>
      options.onOpened({ durationMs: options.clock.monotonicMs() - startedAt, failure });
    try {
      const started = await provider.open(options.openOptions());
      opened(undefined);
      return sit(started);
    } catch (error) {
      place.free();
      const failure =
        error instanceof CompanionError
          ? error
          : new CompanionError("AGENT_FAILED", `${provider.name} could not be started: ${messageOf(error)}`);
      opened(failure.message);
      options.onFailed(failure);
      throw failure;
    }
  }
  function sit(opened: Agent): Agent {
    agent = opened;
    options.onSeated();
    listening = listen(opened);
    return opened;
  }
  /** Reads one agent to its end. */
  async function listen(source: Agent): Promise<void> {
    for await (const event of source.events) {
      if (agent === source) options.onHeard(event);
      if (event.kind === "delta") {
        if (agent === source) journal.text(event.delta);
        continue;
      }
      // What it said before must be told before it is settled what remains unsaid.
      if (event.kind === "ended") await journal.settled();
      if (agent === source) {
        if (event.kind === "ended") {
          agent = undefined;
          place.free();
        }
        options.onEvent(event, source);
      }
      const room = journal.room();
      if (room !== undefined) await room;
    }
  }

  return {
    get agent() {
      return agent;
    },
    get isEmpty() {
      return agent === undefined && opening === undefined;
    },
    take() {
      // One that is being ended takes no more messages; the next one does.
      if (agent && ending === undefined) return Promise.resolve(agent);
      opening ??= open().finally(() => {
        opening = undefined;
      });
      return opening;
    },
    seat(survivor) {
      place.keep();
      opening = survivor
        .then(sit)
        .catch((error: unknown) => {
          place.free();
          throw error;
        })
        .finally(() => {
          opening = undefined;
        });
      return opening;
    },
    async vacate() {
      admission.abort(new CompanionError("CONFLICT", "The agent was not started: the session was put to sleep."));
      await opening?.catch(() => {});
      if (agent === undefined) return;
      ending ??= agent
        .close()
        .then(() => listening)
        .finally(() => {
          ending = undefined;
        });
      await ending;
    },
    async leave() {
      admission.abort(new CompanionError("CONFLICT", "The agent was not started: the server stops."));
      await opening?.catch(() => {});
      if (agent === undefined || ending !== undefined || !agent.detach()) return false;
      agent = undefined;
      place.free();
      await listening;
      return true;
    },
  };
}
