import type { SessionSummary } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Positions } from "../delivery/index.ts";
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
