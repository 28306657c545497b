import type { Companion } from "@claude-companion/client";
import { File, Folder } from "lucide-react";
import { type SessionSummary, useAsked } from "../hooks.ts";
import { CodeLines, CopyButton } from "../parts/code.tsx";
import { Page } from "../parts/page.tsx";
import { addressOfFile, go } from "../router.ts";
import { bytesInWords } from "../words.ts";

/** What lies in a session's directory: folders open, files show themselves. */
export default function Files({
  companion,
  session,
  sessionId,
  path,
}: {
  companion: Companion;
  session: SessionSummary | undefined;
  sessionId: string;
  path: string;
}) {
  const directory = session?.workingDirectory;
  const { value, failure } = useAsked(`${directory}/${path}`, () => look(companion, directory, path));
  const parts = path.split("/").filter((part) => part !== "");
  const above = parts.slice(0, -1).join("/");
  const back =
    path === ""
      ? { to: `/session/${sessionId}/changes`, label: "Changes" }
      : { to: addressOfFile(sessionId, above), label: "The folder above" };
  return (
    <Page
      isWide
      title={parts.at(-1) ?? directory?.split("/").at(-1) ?? "Files"}
      back={back}
      actions={value?.text === undefined ? undefined : <CopyButton text={value.text} label="Copy all" />}
    >
      {failure && <p className="text-danger text-sm">{failure}</p>}
      {value?.entries && (
        <ul className="rounded-card border border-line bg-raised empty:hidden">
          {value.entries.map(({ name, type, size, ignored }) => (
            <li key={name} className="border-line border-b last:border-0">
              <button
                type="button"
                onClick={() => go(addressOfFile(sessionId, path === "" ? name : `${path}/${name}`))}
                className={`target flex w-full items-center gap-3 px-3 text-left text-sm ${ignored ? "text-soft" : ""}`}
              >
                {type === "directory" ? (
                  <Folder aria-label="folder" role="img" className="size-4 shrink-0 text-clay" />
                ) : (
                  <File aria-label="file" role="img" className="size-4 shrink-0 text-soft" />
                )}
                <span className="min-w-0 flex-1 truncate">{name}</span>
                {type !== "directory" && <span className="text-soft text-xs">{bytesInWords(size)}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
      {value?.truncated && <p className="text-sm text-soft">There is more; this is its beginning.</p>}
      {value?.picture && <img src={value.picture} alt={path} className="max-w-full rounded-lg border border-line" />}
      {value?.text !== undefined && (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          className="overflow-x-auto rounded-card border border-line bg-raised p-3"
        >
          <CodeLines text={value.text} language={path} />
        </pre>
      )}
      {value?.note && <p className="text-sm text-soft">{value.note}</p>}
    </Page>
  );
}

interface Found {
  entries?: { name: string; type: string; size: number; ignored?: boolean | undefined }[];
  truncated?: boolean;
  text?: string;
  picture?: string;
  note?: string;
}

/** A folder's entries or a file's content: which of them it is, the server says. */
async function look(companion: Companion, directory: string | undefined, path: string): Promise<Found> {
  if (directory === undefined) return {};
  const asFolder = path === "" || !/\.\w+$/.test(path);
  const folder = async (): Promise<Found> => {
    const { entries, truncated } = await companion.request("listFiles", { directory, path });
    const rank = ({ type }: { type: string }) => (type === "directory" ? 0 : 1);
    return { entries: entries.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)), truncated };
  };
  const file = async (): Promise<Found> => {
    const { encoding, content, bytes, size } = await companion.request("readFile", { directory, path });
    if (encoding === "utf8") return { text: content, truncated: bytes < size };
    const kind = /\.(png|jpe?g|gif|webp)$/i.exec(path)?.[1]?.toLowerCase().replace("jpg", "jpeg");
    if (kind && bytes === size) return { picture: `data:image/${kind};base64,${content}` };
    return { note: `${bytesInWords(size)}, and no text.` };
  };
  const [first, second] = asFolder ? [folder, file] : [file, folder];
  return first().catch((error: unknown) => second().catch(() => Promise.reject(error)));
}
