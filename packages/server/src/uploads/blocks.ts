import { readFile } from "node:fs/promises";
import type { Content } from "@claude-companion/protocol";
import type { AgentBlock, AgentContent } from "../agents/index.ts";
import type { UploadRecord } from "../records/index.ts";
import { isTextual } from "./media-type.ts";

/** What models take as pictures, and how much of it (Messages API: 5 MB a picture, as base64). */
const pictures = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const pictureBytesMax = 3_750_000;
const pdfBytesMax = 10_000_000;
const textBytesMax = 256 * 1024;

/**
 * Makes of a message what an agent takes.
 * @param options.find throws when it is not there any more
 */
export function createBlocks(options: {
  find: (user: string, uploadId: string) => Promise<UploadRecord>;
  pathOf: (upload: UploadRecord) => string;
}): (user: string, content: Content) => Promise<AgentContent> {
  async function blockOf(user: string, block: Exclude<Content, string>[number]): Promise<AgentBlock> {
    if (block.type !== "upload") return block;
    try {
      const upload = await options.find(user, block.uploadId);
      const path = options.pathOf(upload);
      const form = block.as === "path" ? "path" : formOf(upload);
      if (form === "path") return referenceTo(upload, path);
      const { name, mediaType } = upload;
      const data = (await readFile(path)).toString("base64");
      const source = { type: "base64" as const, mediaType: form === "text" ? "text/plain" : mediaType, data };
      return form === "image" ? { type: "image", source } : { type: "document", source, title: name };
    } catch {
      // The person is heard all the same, and the agent can say what it misses.
      return { type: "text", text: `[The attached file ${block.name ?? block.uploadId} is not there any more.]` };
    }
  }
  return async (user, content) =>
    typeof content === "string" ? content : Promise.all(content.map((block) => blockOf(user, block)));
}

function formOf({ mediaType, bytes }: UploadRecord): "image" | "pdf" | "text" | "path" {
  if (pictures.has(mediaType) && bytes <= pictureBytesMax) return "image";
  if (mediaType === "application/pdf" && bytes <= pdfBytesMax) return "pdf";
  return isTextual(mediaType) && bytes <= textBytesMax ? "text" : "path";
}

function referenceTo({ mediaType, bytes }: UploadRecord, path: string): AgentBlock {
  const reference = /\s/.test(path) ? `@"${path}"` : `@${path}`;
  return { type: "text", text: `Attached file: ${reference} (${mediaType}, ${bytes} bytes)` };
}
