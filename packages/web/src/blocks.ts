/** Something that a person sent along. */
export interface Attachment {
  name: string;
  isImage: boolean;
  /** Where its bytes are: with the server, or here as an address of data. */
  from: { uploadId: string } | { address: string };
}

interface Block {
  type?: string;
  text?: string;
  title?: string;
  name?: string;
  uploadId?: string;
  mediaType?: string;
  source?: { type?: string; mediaType?: string; media_type?: string; data?: string };
}
const blocksOf = (content: unknown): readonly Block[] => (Array.isArray(content) ? content : []);

/** The text of a string or of blocks; what is shown otherwise is left out. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  const texts = blocksOf(content).map(({ type, text }) =>
    typeof text === "string" ? text : isShownOtherwise(type) ? "" : `[${type}]`,
  );
  return texts.filter((text) => text !== "").join("\n");
}
const isShownOtherwise = (type: string | undefined): boolean =>
  type === undefined || ["image", "document", "upload", "tool_reference"].includes(type);

/** Pictures among blocks, as addresses of data. Only kinds that nothing can hide in. */
export function imagesOf(content: unknown): string[] {
  return blocksOf(content).flatMap((block) => {
    const address = block.type === "image" ? addressOf(block) : undefined;
    return address === undefined ? [] : [address];
  });
}

/** What was sent along with a message. */
export function attachmentsOf(content: unknown): Attachment[] {
  return blocksOf(content).flatMap((block): Attachment[] => {
    if (block.type === "upload" && block.uploadId !== undefined) {
      const isImage = /^image\/(png|jpeg|gif|webp)$/.test(block.mediaType ?? "");
      return [{ name: block.name ?? "file", isImage, from: { uploadId: block.uploadId } }];
    }
    const address = addressOf(block);
    if (block.type === "image" && address) return [{ name: "picture", isImage: true, from: { address } }];
    if (block.type === "document") return [{ name: block.title ?? "document", isImage: false, from: { address: "" } }];
    return [];
  });
}

function addressOf({ source }: Block): string | undefined {
  const mediaType = source?.mediaType ?? source?.media_type ?? "";
  if (!/^image\/(png|jpeg|gif|webp)$/.test(mediaType) || typeof source?.data !== "string") return undefined;
  return `data:${mediaType};base64,${source.data}`;
}
