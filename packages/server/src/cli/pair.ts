import { CompanionError } from "@claude-companion/protocol";
import { type Command, configOf, readFlags } from "./command-line.ts";
import { invitation } from "./invitation.ts";
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
  const address = local.deviceUrl ?? local.url;
  terminal.output.write(await invitation({ address, code, expiresInSeconds, hasPicture: true }));
  return 0;
};
