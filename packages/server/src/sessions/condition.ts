import type { DurableData, Obstacle } from "@claude-companion/protocol";
import type { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import type { Commit } from "../log/index.ts";
import type { Records, SessionRecord } from "../records/index.ts";
import type { Report } from "../telemetry/index.ts";
import { nothing } from "./commits.ts";
import { nextState, type Occurrence, type SessionState } from "./state.ts";

/** What a session is now: its record, and the state that follows from what happened. Changes are the caller's to commit. */
export interface Condition {
  readonly record: SessionRecord;
  readonly state: SessionState;
  /** Moves to the next state. The commit tells of it; it is empty when nothing changed. */
  become(occurrence: Occurrence): Commit;
  /** Changes the record, and lists show it. */
  update(change: Partial<SessionRecord>): Commit;
  /** Changes the record. Lists are told by the caller, once it is stored. */
  write(change: Partial<SessionRecord>): Commit;
  /** Something keeps it from going on. Empty when that is known. */
  obstruct(obstacle: Omit<z.infer<typeof Obstacle>, "since" | "until"> & { untilMs?: number | undefined }): Commit;
  /** What kept it from going on is gone. Empty when it was something else. */
  clear(...kinds: z.infer<typeof Obstacle>["kind"][]): Commit;
  /** The same, with the event that tells devices of it. */
  announce(told: DurableData<"sessionUpdated">, alsoChanged?: Partial<SessionRecord>): Commit;
}

/**
 * @param options.onMoved the state is another now
 * @param options.onChange lists show something else now
 */
export function createCondition(options: {
  record: SessionRecord;
  records: Pick<Records, "sessions">;
  report: Pick<Report, "sessionStatus">;
  clock: Pick<Clock, "now">;
  onMoved: () => void;
  onChange: (change: "status" | "updated") => void;
}): Condition {
  const { records, report } = options;
  let record = options.record;
  let state = stateOf(record);
  const write = (change: Partial<SessionRecord> = {}) => {
    record = { ...record, ...change };
    return records.sessions.write(record);
  };
  const condition: Condition = {
    get record() {
      return record;
    },
    get state() {
      return state;
    },
    become(occurrence) {
      const next = nextState(state, occurrence);
      if (next === state) return nothing;
      const statusChanged = next.name !== state.name;
      state = next;
      const reason = "reason" in next ? next.reason : undefined;
      const stored = write({ status: next.name, statusReason: reason });
      options.onMoved();
      if (!statusChanged) return { events: [], records: [stored] };
      const { sessionId, model, permissionMode } = record;
      report.sessionStatus({ sessionId, status: next.name, reason });
      options.onChange("status");
      const data: DurableData<"sessionStatus"> = { status: next.name, reason, model, permissionMode };
      return { events: [{ id: undefined, event: { type: "sessionStatus", data } }], records: [stored] };
    },
    update(change) {
      options.onChange("updated");
      return { events: [], records: [write(change)] };
    },
    write: (change) => ({ events: [], records: [write(change)] }),
    obstruct({ kind, text, untilMs }) {
      const known = record.obstacle;
      if (known?.kind === kind && known.text === text) return nothing;
      options.onChange("updated");
      const until = untilMs === undefined ? {} : { until: isoTime(untilMs) };
      return condition.announce({ obstacle: { kind, text, since: isoTime(options.clock.now()), ...until } });
    },
    clear(...kinds) {
      if (!record.obstacle || !kinds.includes(record.obstacle.kind)) return nothing;
      options.onChange("updated");
      return condition.announce({ obstacle: null });
    },
    announce: (told, alsoChanged) => ({
      events: [{ id: undefined, event: { type: "sessionUpdated", data: told } }],
      records: [write({ ...told, ...alsoChanged })],
    }),
  };
  return condition;
}

/** What an earlier server left. Without an agent that survived, recovery has brought it to rest. */
function stateOf({ status, statusReason }: SessionRecord): SessionState {
  if (status === "starting" || status === "idle" || status === "running" || status === "waiting")
    return { name: status };
  if (status === "hibernated") return { name: "hibernated", reason: statusReason };
  return { name: status, reason: statusReason ?? "" };
}
