import type { PushPayload } from "@claude-companion/protocol";

/**
 * Makes a message fit a platform's limit by cutting its text, never its JSON.
 * @param encode the message with a text
 * @returns the message, of at most `bytesMax` bytes, with as much of the text as fits
 */
export function fitting(
  payload: PushPayload,
  { encode, bytesMax }: { encode: (payload: PushPayload) => string; bytesMax: number },
): string {
  const whole = encode(payload);
  if (Buffer.byteLength(whole) <= bytesMax) return whole;
  // By code points: half of a pair would be no text.
  const points = [...payload.body];
  const cut = (length: number) => encode({ ...payload, body: `${points.slice(0, length).join("").trimEnd()}…` });
  let [fits, tooLong] = [0, points.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (Buffer.byteLength(cut(middle)) <= bytesMax) fits = middle;
    else tooLong = middle;
  }
  const shortened = cut(fits);
  if (Buffer.byteLength(shortened) <= bytesMax) return shortened;
  // Not even without a text: a long title. What it is about is told, how to get there stays.
  return encode({ ...payload, title: [...payload.title].slice(0, 40).join(""), body: "…" });
}

/** The place that a notification leads to, for an app and for a browser. */
export function linksTo(
  place: { sessionId: string | undefined; permissionId: string | undefined },
  publicUrl: string | undefined,
): { url: string; webUrl: string | undefined } {
  const query = place.permissionId === undefined ? "" : `?permission=${encodeURIComponent(place.permissionId)}`;
  const path = place.sessionId === undefined ? "" : `session/${place.sessionId}${query}`;
  const base = publicUrl?.replace(/\/$/, "");
  return { url: `claude-companion://${path}`, webUrl: base === undefined ? undefined : `${base}/${path}` };
}
