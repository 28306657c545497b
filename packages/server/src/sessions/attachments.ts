import type { Content } from "@claude-companion/protocol";
import { hasUploads, type Uploads } from "../uploads/index.ts";

/**
 * Looks up what was uploaded, for the messages of one session: they keep their order meanwhile.
 * @returns a message as it is kept; at once when nothing has to be looked up
 */
export function createAttachments(options: {
  user: string;
  uploads: Pick<Uploads, "attach">;
}): (content: Content) => Content | Promise<Content> {
  let last: Promise<unknown> | undefined;
  return (content) => {
    if (last === undefined && !hasUploads(content)) return content;
    const mine = (last ?? Promise.resolve()).then(() => options.uploads.attach(options.user, content));
    const settled = mine
      .catch(() => {})
      .then(() => {
        if (last === settled) last = undefined;
      });
    last = settled;
    return mine;
  };
}
