import { addressOfFile, go } from "../router.ts";
import { relativePath, useSessionPlace } from "../session-place.ts";

/** A file of the project; it opens in the app. */
export function FileLink({ path, line }: { path: string; line?: number }) {
  const place = useSessionPlace();
  const relative = relativePath(path, place);
  const text = relative ?? path;
  if (relative === undefined || place.sessionId === "") return <code className="break-all">{text}</code>;
  const address = addressOfFile(place.sessionId, relative);
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
