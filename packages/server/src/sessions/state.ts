/** What a session is right now. Pure: no I/O, no clock. */
export type SessionState =
  | { name: "starting" }
  | { name: "idle" }
  | { name: "running" }
  | { name: "waiting" }
  | { name: "hibernated"; reason: string | undefined }
  | { name: "failed"; reason: string }
  | { name: "ended"; reason: string };

/** What can happen to a session. */
export type Occurrence =
  | { type: "opening" }
  | { type: "agentIdle" }
  | { type: "agentRunning" }
  | { type: "permissionAsked" }
  | { type: "permissionsAnswered" }
  | { type: "slept"; reason: string | undefined }
  | { type: "agentFailed"; reason: string }
  | { type: "ended"; reason: string };

/** Whether a process belongs to the session in this state. */
export const hasAgent = (state: SessionState): boolean =>
  state.name === "starting" || state.name === "idle" || state.name === "running" || state.name === "waiting";

/**
 * The state after something happened. What makes no sense in a state (a late word of an agent that is gone, anything
 * after the end) changes nothing: the same object comes back.
 */
export function nextState(state: SessionState, occurrence: Occurrence): SessionState {
  if (state.name === "ended") return state;
  switch (occurrence.type) {
    case "ended":
      return { name: "ended", reason: occurrence.reason };
    case "opening":
      return hasAgent(state) ? state : { name: "starting" };
    case "agentIdle":
      return state.name === "idle" || !hasAgent(state) ? state : { name: "idle" };
    case "agentRunning":
      return state.name === "idle" || state.name === "starting" ? { name: "running" } : state;
    case "permissionAsked":
      return state.name === "waiting" || !hasAgent(state) ? state : { name: "waiting" };
    case "permissionsAnswered":
      return state.name === "waiting" ? { name: "running" } : state;
    case "slept":
      return state.name === "hibernated" ? state : { name: "hibernated", reason: occurrence.reason };
    case "agentFailed":
      return { name: "failed", reason: occurrence.reason };
    default:
      return occurrence satisfies never;
  }
}
