import { CompanionError } from "@claude-companion/protocol";
import { toString as qrCode } from "qrcode";
import { isLoopback } from "../config.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";
import { readServerFile } from "./server-file.ts";

/** `claude-companion pair`: shows a code that makes a phone or a browser known to the server of this machine. */
export const pair: Command = async (terminal) => {
  const { values } = readFlags(terminal.args);
  const config = configOf(terminal, values);
  const local = await readServerFile(config.DATA_DIR);
  if (local === undefined)
    throw new CompanionError(
      "NOT_FOUND",
      "No server runs with this data directory. Start one with `claude-companion start`.",
    );
  const response = await fetch(`${local.url}/api/pairing`, {
    method: "POST",
    headers: { authorization: `Bearer ${local.token}` },
  });
  if (!response.ok)
    throw new CompanionError("AUTHENTICATION_REQUIRED", "The server does not give a code. Start it again.");
  const { code, expiresInSeconds } = (await response.json()) as { code: string; expiresInSeconds: number };
  const address = config.PUBLIC_URL?.replace(/\/$/, "") ?? local.url;
  // Behind #: it is sent to nobody and stands in no log.
  const url = `${address}/#pair=${code}`;
  terminal.output.write(`${await qrCode(url, { type: "utf8" })}\n`);
  terminal.output.write(
    `  ${url}\n\n  Scan it, or open the address and type ${code.slice(0, 4)}-${code.slice(4)}. It works once, for ${expiresInSeconds / 60} minutes.\n`,
  );
  const isLocal = isLoopback(new URL(address).hostname.replace(/^\[|\]$/g, ""));
  if (!address.startsWith("https://") && !isLocal)
    terminal.output.write("  Without https the phone can show and answer, but not install the app or be notified.\n");
  if (isLocal)
    terminal.output.write(
      "  This address works on this machine only. For a phone set PUBLIC_URL, or HOST and AUTH_TOKEN.\n",
    );
  return 0;
};
