import { go } from "../router.ts";
import { relativePath, useSessionPlace } from "../session-place.ts";

/** A file of the project; it opens in the app. */
export function FileLink({ path, line, children }: { path: string; line?: number; children?: string }) {
  const place = useSessionPlace();
  const relative = relativePath(path, place);
  const text = children ?? relative ?? path;
  if (relative === undefined || place.sessionId === "") return <code className="break-all">{text}</code>;
  const address = `/session/${place.sessionId}/files/${relative.split("/").map(encodeURIComponent).join("/")}`;
  return (
    <a
      href={address}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        go(address);
      }}
      className="break-all text-clay underline"
    >
      <code>
        {text}
        {line === undefined ? "" : `:${line}`}
      </code>
    </a>
  );
}
