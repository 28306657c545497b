import { createCompanion } from "../companion.ts";
import { readVersion } from "../version.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";
import { invitation, trustWords } from "./invitation.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";

const stopMs = 9_500;

/** `claude-companion start`: runs the server until it is told to stop. */
export const start: Command = async (terminal) => {
  const { values } = readFlags(terminal.args);
  const config = configOf(terminal, values);
  const companion = await createCompanion(config, { environment: terminal.environment });
  const { url, deviceUrl, token, trust } = companion;
  await writeServerFile(config.DATA_DIR, { url, deviceUrl, token, pid: process.pid });
  const isSeen = terminal.output.isTTY === true;
  terminal.output.write(
    [
      `Claude Companion Server ${readVersion()}`,
      "",
      `  ${deviceUrl}/`,
      ...(deviceUrl === url ? [] : [`  ${url}/ on this machine`]),
      "",
      ...(trust ? [await trustWords({ ...trust, hasPicture: isSeen && trust.isNew }), ""] : []),
      // Whoever reads the output later, in a file, must find nothing that lets in.
      ...(isSeen
        ? [await invitation({ address: deviceUrl, ...companion.beginPairing(), hasPicture: deviceUrl !== url })]
        : []),
      ...(isSeen && companion.tokenWasMade ? [`  For programs, the token of this run: ${token}`, ""] : []),
      `  Data in ${config.DATA_DIR}; agents may work in ${config.PROJECT_ROOTS.join(", ")}.`,
      "  Let a phone or browser in: claude-companion pair",
      "  From another terminal: claude-companion chat <directory>",
      "  Stop with Ctrl-C.",
      "",
    ].join("\n"),
  );
  if (companion.storageTrouble !== undefined) terminal.output.write(`  Note: ${companion.storageTrouble}\n`);
  await new Promise<void>((resolve) => {
    const stop = terminal.onStop(() => {
      stop();
      resolve();
    });
  });
  // Ten seconds are promised.
  terminal.exitWithin(stopMs);
  terminal.output.write("Stopping; agents that are at work go on (see `claude-companion agents`).\n");
  await companion.close();
  await removeServerFile(config.DATA_DIR);
  return 0;
};
