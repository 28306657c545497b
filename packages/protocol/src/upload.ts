import { z } from "zod";
import { Timestamp } from "./ids.ts";

/** A file that a person gave the server, to be sent along with messages. */
export const Upload = z.object({
  uploadId: z.uuid(),
  name: z.string().meta({
    description: "As the file is called where it lies: other than letters, digits, `.`, `_` and `-` became `-`.",
  }),
  mediaType: z.string().meta({ description: "What its content is, whatever it was said to be." }),
  bytes: z.int().min(0),
  createdAt: Timestamp,
  expiresAt: Timestamp.meta({ description: "Then it is deleted; moves on each time it is sent with a message." }),
});
export type Upload = z.infer<typeof Upload>;
