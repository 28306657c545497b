import { join, resolve } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import { backUp, restore as restoreDatabase } from "../storage/index.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";

const stampOf = (time: Date) => time.toISOString().replaceAll(":", "-").replace(/\..*/, "");

/** `claude-companion backup [file]`: a copy of everything, while the server works. */
export const backup: Command = async (terminal) => {
  const { values, positionals } = readFlags(terminal.args);
  const config = configOf(terminal, values);
  const to = resolve(terminal.workingDirectory, positionals[0] ?? `claude-companion-${stampOf(new Date())}.db`);
  await backUp({ path: join(config.DATA_DIR, "companion.db"), to });
  terminal.output.write(`${to}\nIt holds everything that was said: keep it to yourself.\n`);
  return 0;
};

/** `claude-companion restore FILE`: puts a backup in place; what was there is kept. */
export const restore: Command = async (terminal) => {
  const { values, positionals } = readFlags(terminal.args);
  const config = configOf(terminal, values);
  const [file] = positionals;
  if (file === undefined) throw new CompanionError("INVALID_REQUEST", "Name the backup: claude-companion restore FILE");
  const path = join(config.DATA_DIR, "companion.db");
  const before = await restoreDatabase({
    path,
    from: resolve(terminal.workingDirectory, file),
    stamp: stampOf(new Date()),
  });
  const kept = before === undefined ? "" : ` What was there is now ${before}.`;
  terminal.output.write(`Restored.${kept} Start the server; devices begin anew from the first event.\n`);
  return 0;
};
