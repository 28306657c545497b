import { z } from "zod";
import { Content } from "../content.ts";
import { Moment, SessionId } from "../ids.ts";
import { Schedule } from "../schedule.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const timing = {
  at: Moment.optional().meta({ description: "Once, then. Either this or `cron`." }),
  cron: z.string().max(200).optional().meta({
    description: "Five fields: minute, hour, day of the month, month, weekday. `0 9 * * 1-5`: at nine on workdays.",
  }),
  timeZone: z.string().max(100).optional().meta({ description: "IANA name, Europe/Berlin; by default the server's." }),
  missed: Schedule.shape.missed.optional().meta({ description: "By default `send`." }),
};
const schedule: z.infer<typeof Schedule> = {
  scheduleId: "5d1f0c3a-9a3c-4f2e-8a61-0c9d8f7e6b54",
  ...example.inSession,
  content: "Run the tests and fix what fails.",
  cron: "0 9 * * 1-5",
  timeZone: "Europe/Berlin",
  missed: "send",
  origin: "person",
  state: "waiting",
  by: example.ada,
  createdAt: example.timestamp,
  next: ["2026-11-25T08:00:00.000Z", "2026-11-26T08:00:00.000Z", "2026-11-27T08:00:00.000Z"],
  sent: 0,
};
const { scheduleId, content, cron, timeZone } = schedule;

/** Messages that are sent later, or again and again. */
export const scheduleCommands = {
  scheduleMessage: command({
    summary: "Send a message at a time, or again and again by a cron expression. It survives restarts.",
    rest: { method: "POST", path: "/api/sessions/{sessionId}/schedules", status: 201 },
    data: z.object({
      sessionId: SessionId,
      scheduleId: z.uuid().optional().meta({ description: "Made by the client: asking again makes nothing twice." }),
      content: Content,
      ...timing,
    }),
    ack: z.object({ schedule: Schedule }),
    errors: ["SESSION_ENDED", "CONFLICT", "NOT_FOUND"],
    example: { data: { ...example.inSession, content, cron, timeZone }, ack: { schedule } },
  }),
  listSchedules: command({
    summary: "What will be sent, the next first; with `finished` also what was sent, cancelled or failed.",
    rest: { method: "GET", path: "/api/schedules" },
    data: z.object({ sessionId: SessionId.optional(), finished: z.boolean().default(false) }),
    ack: z.object({ schedules: z.array(Schedule) }),
    example: { data: { finished: false }, ack: { schedules: [schedule] } },
  }),
  updateSchedule: command({
    summary: "Change what is sent or when, pause it, or let it go on.",
    rest: { method: "PUT", path: "/api/schedules/{scheduleId}" },
    data: z.object({ scheduleId: z.uuid(), content: Content.optional(), ...timing, paused: z.boolean().optional() }),
    ack: z.object({ schedule: Schedule }),
    errors: ["NOT_FOUND", "CONFLICT"],
    example: { data: { scheduleId, paused: true }, ack: { schedule: { ...schedule, state: "paused", next: [] } } },
  }),
  cancelSchedule: command({
    summary: "Send it no more. What was sent already stays.",
    rest: { method: "DELETE", path: "/api/schedules/{scheduleId}" },
    data: z.object({ scheduleId: z.uuid() }),
    ack: z.object({ schedule: Schedule }),
    errors: ["NOT_FOUND"],
    example: { data: { scheduleId }, ack: { schedule: { ...schedule, state: "cancelled", next: [] } } },
  }),
};
