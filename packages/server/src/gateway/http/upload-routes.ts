import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { CompanionError, Upload } from "@claude-companion/protocol";
import { z } from "zod";
import { uploadOf } from "../../commands/index.ts";
import type { Uploads } from "../../uploads/index.ts";
import { uuidOf } from "../../uuid-of.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

/** What browsers may show where it is: nothing that can run. */
const shown = /^(image\/(png|jpeg|gif|webp)|text\/plain|application\/pdf)$/;

/** Files go in and out as bytes; all else about them is a command. */
export async function addUploadRoutes(app: HttpServer, uploads: Uploads): Promise<void> {
  const describe = (operationId: string, summary: string) => ({ operationId, summary, tags: ["uploads"] });
  const added = z.object({ upload: Upload });

  await app.register(async (scope: HttpServer) => {
    // The body is not read into memory: it goes to the disk piece by piece, and is counted there.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
    scope.post(
      "/api/uploads",
      {
        // Ours, which counts bytes that have come, holds; not the one for JSON.
        bodyLimit: Number.MAX_SAFE_INTEGER,
        schema: {
          ...describe(
            "createUpload",
            'Bring a file, its bytes as the body. Send it along with a message as `{type: "upload", uploadId}`.',
          ),
          consumes: ["application/octet-stream"],
          querystring: z.object({
            name: z.string().min(1).max(1_000).default("file"),
            uploadId: z
              .uuid()
              .optional()
              .meta({ description: "Made by the client: bringing it again changes nothing." }),
          }),
          headers: z.looseObject({ "idempotency-key": z.string().min(1).max(255).optional() }),
          body: z.any().meta({ type: "string", format: "binary" }),
          response: { 200: added, 201: added, default: Problem },
        },
      },
      async ({ caller, query, headers, body }, reply) => {
        const key = headers["idempotency-key"];
        const keyed = key === undefined ? randomUUID() : uuidOf(`${caller.user}\nupload\n${key}`);
        const mediaType = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
        if (mediaType?.startsWith("multipart/"))
          throw new CompanionError(
            "INVALID_REQUEST",
            "Send the file's bytes as the body, and not a form: curl --data-binary @file, or fetch with the file as body.",
          );
        const bytes = (body ?? []) as Readable;
        const { upload, isNew } = await uploads.add(caller.user, {
          uploadId: query.uploadId ?? keyed,
          name: query.name,
          mediaType,
          bytes,
        });
        return reply.code(isNew ? 201 : 200).send({ upload: uploadOf(upload) });
      },
    );
  });
  app.get(
    "/api/uploads/:uploadId",
    {
      schema: {
        ...describe("readUpload", "The bytes of an uploaded file."),
        params: z.object({ uploadId: z.uuid() }),
        produces: ["application/octet-stream"],
        response: { 200: z.any().meta({ type: "string", format: "binary" }), default: Problem },
      },
    },
    async ({ caller, params }, reply) => {
      const upload = await uploads.find(caller.user, params.uploadId);
      const { name, mediaType, bytes } = upload;
      const place = shown.test(mediaType) ? "inline" : "attachment";
      return reply
        .header("content-length", bytes)
        .header("content-security-policy", "sandbox; default-src 'none'")
        .header("content-disposition", `${place}; filename*=UTF-8''${encodeURIComponent(name)}`)
        .type(mediaType)
        .send(createReadStream(uploads.pathOf(upload)));
    },
  );
}
