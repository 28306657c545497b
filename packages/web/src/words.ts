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

/** Whether a session's agent has a process that can be asked; a sleeping one is not woken only to be looked at. */
export const isAwake = (status: string): boolean => status === "idle" || status === "running" || status === "waiting";

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

/** What something cost. */
export const dollars = (usd: number): string => `$${usd.toFixed(usd < 0.1 && usd > 0 ? 4 : 2)}`;

/** When, as short as it is clear: the time today, else the day as well. */
export function timeOf(time: string, now = new Date()): string {
  const at = new Date(time);
  const isToday = at.toDateString() === now.toDateString();
  return at.toLocaleString([], {
    hour: "2-digit",
    minute: "2-digit",
    ...(isToday ? {} : { day: "numeric", month: "short" }),
  });
}

/** 1 200 000 as 1.2M: enough to compare. */
export const briefly = (count: number): string =>
  new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(count);

/** Bytes as people say them. */
export const bytesInWords = (bytes: number): string =>
  bytes < 1_024
    ? `${bytes} B`
    : bytes < 1_048_576
      ? `${Math.round(bytes / 1_024)} KB`
      : `${(bytes / 1_048_576).toFixed(1)} MB`;

/** How much an agent may do without asking, as people say it. */
export const permissionModes: Readonly<Record<string, string>> = {
  default: "Ask before anything is changed",
  acceptEdits: "Edit files without asking",
  plan: "Plan first",
  dontAsk: "Do only what is allowed, never ask",
  auto: "Let a model decide what to ask",
  bypassPermissions: "Never ask (dangerous)",
};
