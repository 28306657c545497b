import { z } from "zod";

const Text = z.object({ type: z.literal("text"), text: z.string() });
const Source = z.object({
  type: z.literal("base64"),
  mediaType: z.string().regex(/^[\w.+-]+\/[\w.+-]+$/),
  data: z.base64(),
});
const Image = z.object({ type: z.literal("image"), source: Source });
const Document = z.object({ type: z.literal("document"), source: Source, title: z.string().max(500).optional() });

const UploadBlock = z.object({
  type: z.literal("upload"),
  uploadId: z.uuid(),
  as: z.enum(["content", "path"]).optional().meta({
    description: "`path`: the agent is told where the file lies, and reads it itself. By default as suits it.",
  }),
  name: z.string().max(255).optional().meta({ description: "Filled in by the server, as are the next two." }),
  mediaType: z.string().max(255).optional(),
  bytes: z.int().min(0).optional(),
});

/**
 * One part of what a user sends: text, an image or a document (PDF, text file) with its bytes as base64, or a file of any
 * kind that was uploaded before.
 */
export const InputBlock = z.discriminatedUnion("type", [
  Text.extend({ text: z.string().min(1) }),
  Image,
  Document,
  UploadBlock,
]);
export type InputBlock = z.infer<typeof InputBlock>;

/**
 * When a message reaches an agent that is at work: `queue` after the turn, and it can be moved or taken back until then;
 * `steer` as soon as the agent looks up, in the same turn; `interrupt` at once, the turn ends.
 */
export const Delivery = z.enum(["queue", "steer", "interrupt"]);
export type Delivery = z.infer<typeof Delivery>;

/** What a user sends: a string is the short form of one text block. */
export const Content = z.union([z.string().min(1), z.array(InputBlock).min(1).max(100)]);
export type Content = z.infer<typeof Content>;

/** One part of what an agent says. Thinking may be withheld (`redacted`), then `text` is empty. */
export const OutputBlock = z.discriminatedUnion("type", [
  Text,
  z.object({ type: z.literal("thinking"), text: z.string(), redacted: z.boolean().optional() }),
  z.object({ type: z.literal("other"), value: z.unknown() }),
]);
export type OutputBlock = z.infer<typeof OutputBlock>;

/** Tokens of one answer or turn. */
export const Usage = z.object({
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  cacheReadTokens: z.int().min(0),
  cacheCreationTokens: z.int().min(0),
});
export type Usage = z.infer<typeof Usage>;
