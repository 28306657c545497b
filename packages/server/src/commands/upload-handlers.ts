import type { Upload } from "@claude-companion/protocol";
import type { z } from "zod";
import { isoTime } from "../clock.ts";
import type { Uploads } from "../uploads/index.ts";
import type { Handlers } from "./handlers.ts";

type Stored = Awaited<ReturnType<Uploads["find"]>>;

/** Files to send along with messages. */
export function uploadHandlers({ uploads }: { uploads: Uploads }): Pick<Handlers, "listUploads" | "deleteUpload"> {
  return {
    async listUploads(caller) {
      const own = await uploads.list(caller.user);
      return { uploads: own.map(uploadOf), bytesLeft: uploads.bytesLeft, bytesMaxEach: uploads.bytesMaxEach };
    },
    async deleteUpload(caller, { uploadId }) {
      await uploads.remove(caller.user, uploadId);
      return {};
    },
  };
}

/** A file as clients see it. */
export const uploadOf = ({ createdAt, expiresAt, user: _user, ...rest }: Stored): z.infer<typeof Upload> => ({
  ...rest,
  createdAt: isoTime(createdAt),
  expiresAt: isoTime(expiresAt),
});
