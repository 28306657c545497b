import { z } from "zod";
import { Upload } from "../upload.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const data = z.object({ uploadId: z.uuid() });

/** Files to send along with messages. They are brought with `POST /api/uploads`, as bytes. */
export const uploadCommands = {
  listUploads: command({
    summary: "Your uploaded files, the newest first, and how much room is left for more.",
    rest: { method: "GET", path: "/api/uploads" },
    data: z.object({}),
    ack: z.object({ uploads: z.array(Upload), bytesLeft: z.int().min(0), bytesMaxEach: z.int().min(0) }),
    example: {
      data: {},
      ack: { uploads: [example.upload], bytesLeft: 1_073_620_000, bytesMaxEach: 26_214_400 },
    },
  }),
  deleteUpload: command({
    summary: "Delete an uploaded file. Messages that were handed over keep what they had of it.",
    rest: { method: "DELETE", path: "/api/uploads/{uploadId}" },
    data,
    ack: z.object({}),
    errors: ["NOT_FOUND", "CONFLICT"],
    example: { data: { uploadId: example.upload.uploadId }, ack: {} },
  }),
};
