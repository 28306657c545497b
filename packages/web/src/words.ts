/** A session's status, as people say it. */
export const statusInWords = (status: string): string =>
  ({
    starting: "starting",
    idle: "idle",
    running: "working",
    waiting: "waiting for you",
    hibernated: "asleep",
    failed: "stopped",
    ended: "ended",
  })[status] ?? "";

/** How long ago, briefly. */
export function ago(time: string, now = Date.now()): string {
  const minutes = Math.max(0, Math.round((now - Date.parse(time)) / 60_000));
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 24 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** `Write: /home/ada/shop/auth.ts` is `Write: auth.ts` to whoever knows where that is. */
export const withoutDirectory = (text: string, directory: string): string =>
  directory === "" ? text : text.replaceAll(`${directory}/`, "");

/** What went wrong, in the words of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
