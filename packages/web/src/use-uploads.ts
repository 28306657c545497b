import { type Companion, uuid } from "@claude-companion/client";
import type { CommandInput } from "@claude-companion/protocol";
import { useEffect, useRef, useState } from "react";
import { fitting } from "./pictures.ts";
import { messageOf } from "./words.ts";

type Block = Exclude<CommandInput<"sendMessage">["content"], string>[number];

/** A file that goes along with the next message. */
export interface Outgoing {
  readonly uploadId: string;
  readonly name: string;
  /** Of pictures: where to show them from. */
  readonly preview: string | undefined;
  readonly state: "coming" | "ready" | "failed";
  readonly failure: string | undefined;
  /** How the message holds it. */
  readonly block: Block;
}

/** Files that are brought while the message is still being written. */
export interface Uploads {
  readonly files: readonly Outgoing[];
  add(files: Iterable<File>): void;
  remove(uploadId: string): void;
  /** What the message holds of them; they are this message's from now on. */
  take(): Block[];
}

export function useUploads(companion: Companion): Uploads {
  const [files, setFiles] = useState<readonly Outgoing[]>([]);
  const shown = useRef(files);
  shown.current = files;
  useEffect(
    () => () => {
      for (const { preview } of shown.current) if (preview) URL.revokeObjectURL(preview);
    },
    [],
  );
  const change = (uploadId: string, what: Partial<Outgoing>) =>
    setFiles((now) => now.map((one) => (one.uploadId === uploadId ? { ...one, ...what } : one)));

  async function bring(uploadId: string, given: File): Promise<void> {
    try {
      const file = await fitting(given);
      if (companion.state.name !== "connected" && file.size <= withinMessageMax && file.type.startsWith("image/"))
        return change(uploadId, { state: "ready", block: await withinMessage(file) });
      await companion.connected();
      await companion.upload(file, { name: file.name || "picture.png", uploadId });
      change(uploadId, { state: "ready" });
    } catch (error) {
      change(uploadId, { state: "failed", failure: messageOf(error) });
    }
  }
  return {
    files,
    add(given) {
      for (const file of given) {
        const uploadId = uuid();
        const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
        setFiles((now) => [
          ...now,
          {
            uploadId,
            name: file.name || "picture",
            preview,
            state: "coming",
            failure: undefined,
            block: { type: "upload", uploadId },
          },
        ]);
        void bring(uploadId, file);
      }
    },
    remove(uploadId) {
      setFiles((now) => now.filter((one) => one.uploadId !== uploadId));
    },
    take() {
      const taken = files.filter(({ state }) => state === "ready");
      setFiles((now) => now.filter(({ state }) => state !== "ready"));
      return taken.map(({ block }) => block);
    },
  };
}

/** Without a network a picture travels within the message, which is kept until it can leave. */
const withinMessageMax = 4_000_000;
async function withinMessage(file: File): Promise<Block> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
  return { type: "image", source: { type: "base64", mediaType: file.type, data: btoa(text) } };
}
