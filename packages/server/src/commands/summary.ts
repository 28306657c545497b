import type { SessionSummary } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Positions } from "../delivery/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Caller } from "./handlers.ts";

type Summary = z.infer<typeof SessionSummary>;

/** A session as a list shows it on this device: with what the device has not read. */
export async function summaryFor(
  caller: Pick<Caller, "deviceId">,
  summary: Omit<Summary, "unread">,
  positions: Pick<Positions, "find">,
): Promise<Summary> {
  const position = await positions.find(caller.deviceId, summary.sessionId);
  return { ...summary, unread: Math.max(0, summary.lastSeq - (position?.ackedSeq ?? 0)) };
}

/** All sessions of the caller as a list shows them on this device, those last used first. */
export async function summariesFor(
  caller: Pick<Caller, "user" | "deviceId">,
  sessions: Pick<Sessions, "list">,
  positions: Pick<Positions, "find">,
): Promise<Summary[]> {
  const list = await sessions.list(caller.user);
  return Promise.all(list.map((summary) => summaryFor(caller, summary, positions)));
}
