import { z } from "zod";

/** A session of ours. Not the agent's conversation id. */
export const SessionId = z.uuid().meta({ description: "A session of the companion server (UUID)." });
/** A user's message: a UUID made by the client, so that sending twice counts once. */
export const MessageId = z
  .uuid()
  .meta({ description: "Made by the client; sending the same id again does nothing twice." });
/** A device: a UUID that the client keeps. */
export const DeviceId = z.uuid().meta({ description: "A UUID that the client keeps for as long as it is installed." });
/** A permission request. Chosen by the agent, opaque to clients. */
export const PermissionId = z.string().min(1).max(200).meta({ description: "Names one permission request; opaque." });
/** The lifetime of a log. Opaque: equal or not is all that matters. */
export const Epoch = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: "Changes only when a session's log was begun anew." });
/** A position in a session's log; events are 1, 2, 3, ... */
export const Seq = z
  .int()
  .min(0)
  .meta({ description: "Position in the session's log; the first event is 1, 0 is before it." });
/** Chosen by the client to match answers to commands. */
export const RequestId = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: "Chosen by the client; comes back in the answer." });
/** ISO 8601 with milliseconds, UTC. */
export const Timestamp = z.iso.datetime({ precision: 3 }).meta({ description: "ISO 8601 in UTC with milliseconds." });

/** A moment as clients may write it: ISO 8601 in any zone, to the second or finer. */
export const Moment = z.iso.datetime({ offset: true });
