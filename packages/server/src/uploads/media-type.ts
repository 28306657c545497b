import { createReadStream } from "node:fs";
import { CompanionError } from "@claude-companion/protocol";
import { fileTypeFromFile } from "file-type";

/** Text says of itself only that it is text: what kind, the sender may say. */
const kindsOfText = /^(text\/[\w.+-]+|application\/(json|xml|yaml|toml|javascript|typescript|sql))$/;

/** True for what can be read as text. */
export const isTextual = (mediaType: string): boolean => kindsOfText.test(mediaType);

/** What a file is by its content. @param said what it was said to be, which counts for kinds of text only */
export async function mediaTypeOf(path: string, said: string | undefined): Promise<string> {
  const found = await fileTypeFromFile(path);
  if (found !== undefined) return found.mime;
  if (!(await isText(path))) return "application/octet-stream";
  return said !== undefined && isTextual(said) ? said : "text/plain";
}

/** @throws CompanionError `INVALID_REQUEST` for a picture, film, sound or PDF that is none */
export function refuseFalseType(said: string | undefined, found: string): void {
  if (said === undefined || !/^(image|audio|video)\/|^application\/pdf$/.test(said)) return;
  const family = (type: string) => (type.startsWith("application/") ? type : type.split("/")[0]);
  // Drawings are text, and are never shown as pictures by us.
  if (family(said) === family(found) || said === "image/svg+xml") return;
  throw new CompanionError(
    "INVALID_REQUEST",
    `The file is said to be ${said}, but its content is ${found}. Send it with the content type that it has, or as application/octet-stream.`,
  );
}

async function isText(path: string): Promise<boolean> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const piece of createReadStream(path)) {
      if ((piece as Buffer).includes(0)) return false;
      decoder.decode(piece as Buffer, { stream: true });
    }
    decoder.decode();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
