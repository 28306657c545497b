import { createHash } from "node:crypto";

const hexOf = (seed: string) => createHash("sha256").update(seed).digest("hex");

/** A UUID (version 8) from anything: the same text gives the same UUID. */
export const uuidOf = (seed: string): string => uuid(hexOf(seed));

/** The same, beginning with a time (ms since 1970), so that these UUIDs stand in its order, as those of version 7 do. */
export const timedUuidOf = (at: number, seed: string): string =>
  uuid(`${at.toString(16).padStart(12, "0")}${hexOf(seed)}`);

function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
