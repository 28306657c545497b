import { describeConfig } from "../config.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";

/** `claude-companion config`: the settings in force, secrets hidden. */
export const config: Command = async (terminal) => {
  terminal.output.write(`${describeConfig(configOf(terminal, readFlags(terminal.args).values))}\n`);
  return 0;
};
