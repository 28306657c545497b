import { z } from "zod";
import { Usage } from "../content.ts";
import { Moment, SessionId } from "../ids.ts";
import { command } from "./command.ts";

const Sum = z.object({
  turns: z.int().min(0),
  costUsd: z
    .number()
    .min(0)
    .meta({ description: "What the agents say it cost; with a subscription it is not billed." }),
  usage: Usage,
  durationMs: z.number().min(0),
});

const sum = {
  turns: 2,
  costUsd: 0.0246,
  usage: { inputTokens: 2_400, outputTokens: 160, cacheReadTokens: 0, cacheCreationTokens: 0 },
  durationMs: 10_240,
};

/** What it cost. */
export const usageCommands = {
  getUsage: command({
    summary: "Turns, tokens and cost of your sessions: in all, and by day, session or project.",
    rest: { method: "GET", path: "/api/usage" },
    data: z.object({
      by: z.enum(["day", "session", "project"]).default("day"),
      from: Moment.optional(),
      to: Moment.optional(),
      sessionId: SessionId.optional(),
      timeZone: z.string().max(100).default("UTC").meta({ description: "Whose days: an IANA name, Europe/Berlin." }),
    }),
    ack: z.object({
      total: Sum,
      groups: z.array(
        Sum.extend({ key: z.string().meta({ description: "The day (2026-11-24), the sessionId or the directory." }) }),
      ),
    }),
    example: {
      data: { by: "day", timeZone: "Europe/Berlin" },
      ack: { total: sum, groups: [{ key: "2026-11-24", ...sum }] },
    },
  }),
};
