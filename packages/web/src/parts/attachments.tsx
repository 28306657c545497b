import type { Companion } from "@claude-companion/client";
import { FileText } from "lucide-react";
import { createContext, use, useEffect, useState } from "react";
import type { Attachment } from "../blocks.ts";
import { Picture } from "./picture.tsx";

/** Who brings the bytes of what was sent along. */
export const CompanionContext = createContext<Companion | undefined>(undefined);

/** What was sent along with a message. */
export function Attachments({ attachments }: { attachments: readonly Attachment[] }) {
  if (attachments.length === 0) return null;
  return (
    <div className="mb-1 flex flex-wrap gap-2">
      {attachments.map((attachment, i) =>
        attachment.isImage ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: they have no other name
          <Sent key={i} attachment={attachment} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: they have no other name
          <span key={i} className="flex items-center gap-1 rounded-lg border border-line px-2 py-1 text-sm">
            <FileText aria-hidden className="size-4" /> {attachment.name}
          </span>
        ),
      )}
    </div>
  );
}

function Sent({ attachment: { name, from } }: { attachment: Attachment }) {
  const companion = use(CompanionContext);
  const [address, setAddress] = useState("address" in from ? from.address : undefined);
  const uploadId = "uploadId" in from ? from.uploadId : undefined;
  useEffect(() => {
    if (uploadId === undefined || companion === undefined) return undefined;
    let made: string | undefined;
    let isOver = false;
    // An address of it would have to hold a token: it is fetched, and shown from here.
    companion
      .fetch(`/api/uploads/${uploadId}`)
      .then((answer) => answer.blob())
      .then(
        (blob) => {
          if (isOver) return;
          made = URL.createObjectURL(blob);
          setAddress(made);
        },
        () => {},
      );
    return () => {
      isOver = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [companion, uploadId]);
  if (address === undefined) return <span className="rounded-lg border border-line px-2 py-1 text-sm">{name}</span>;
  return <Picture address={address} name={name} />;
}
