import { createCompanion } from "../companion.ts";
import { readVersion } from "../version.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";

const stopMs = 9_500;

/** `claude-companion start`: runs the server until it is told to stop. */
export const start: Command = async (terminal) => {
  const { values } = readFlags(terminal.args);
  const config = configOf(terminal, values);
  const companion = await createCompanion(config, { environment: terminal.environment });
  await writeServerFile(config.DATA_DIR, { url: companion.url, token: companion.token, pid: process.pid });
  terminal.output.write(
    [
      `Claude Companion Server ${readVersion()}`,
      "",
      `  ${companion.url}/${companion.tokenWasMade ? `?token=${companion.token}` : ""}`,
      "",
      `  Data in ${config.DATA_DIR}; agents may work in ${config.PROJECT_ROOTS.join(", ")}.`,
      "  Talk to Claude from a phone or browser: claude-companion pair",
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
