import { toString as qrCode } from "qrcode";
import { isLoopback } from "../config.ts";

/** How a device is made to trust this machine's own authority, once. */
export async function trustWords(options: { url: string; fingerprint: string; hasPicture: boolean }): Promise<string> {
  const { url, fingerprint } = options;
  return [
    `  A phone must trust this machine first, once: ${url}`,
    ...(options.hasPicture ? [await qrCode(url, { type: "utf8" })] : []),
    `  Compare there: ${fingerprint}`,
    ...(options.hasPicture ? ["", "  Then let it in:"] : []),
  ].join("\n");
}

/** How a device gets in: an address with a code, as a picture and as text. */
export async function invitation(options: {
  /** Where devices reach the server. */
  address: string;
  code: string;
  expiresInSeconds: number;
  hasPicture: boolean;
}): Promise<string> {
  const { address, code, expiresInSeconds } = options;
  const isLocal = isLoopback(new URL(address).hostname.replace(/^\[|\]$/g, ""));
  // Behind #: it is sent to nobody and stands in no log.
  const url = `${address}/#pair=${code}`;
  const lines = [
    ...(options.hasPicture ? [await qrCode(url, { type: "utf8" })] : []),
    `  ${url}`,
    "",
    `  Scan it, or open the address and type ${code.slice(0, 4)}-${code.slice(4)}. It works once, for ${expiresInSeconds / 60} minutes.`,
  ];
  if (isLocal) lines.push("  This address works on this machine only. For a phone: claude-companion start --tls local");
  else if (!address.startsWith("https://"))
    lines.push("  Without https the phone can show and answer, but not install the app or be notified: --tls local");
  return `${lines.join("\n")}\n`;
}
