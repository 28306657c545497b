import { z } from "zod";
import { Content } from "./content.ts";
import { MessageId, SessionId, Timestamp } from "./ids.ts";
import { Actor } from "./permission.ts";

/** A message that is sent by itself, once or again and again. */
export const Schedule = z.object({
  scheduleId: z.uuid(),
  sessionId: SessionId,
  content: Content,
  at: Timestamp.optional().meta({ description: "Once, then." }),
  cron: z.string().optional().meta({ description: "Again and again: minute, hour, day, month, weekday." }),
  timeZone: z.string().meta({ description: "Whose hours `cron` means." }),
  missed: z.enum(["send", "skip"]).meta({
    description: "A time that passed while no server ran: send it late, once, however many were missed; or not.",
  }),
  origin: z
    .enum(["person", "usageLimit"])
    .meta({ description: "`usageLimit`: made by the server, to go on when the limit has reset." }),
  state: z.enum(["waiting", "paused", "done", "cancelled", "failed"]),
  reason: z.string().optional().meta({ description: "Why it failed, or was not sent the last time." }),
  by: Actor.optional(),
  createdAt: Timestamp,
  next: z.array(Timestamp).meta({ description: "When it will be sent next, up to three times." }),
  lastSentAt: Timestamp.optional(),
  lastMessageId: MessageId.optional(),
  sent: z.int().min(0).meta({ description: "How often it was." }),
});
export type Schedule = z.infer<typeof Schedule>;
