import type { CommandAck, CommandData, RequestCommand } from "@claude-companion/protocol";

/** Who asks: a user, from a device. */
export interface Caller {
  user: string;
  deviceId: string;
  /** For people: "Ada's phone". */
  deviceName: string;
}

/** One handler a command, free of transport. A missing one does not compile. */
export type Handlers = {
  [T in RequestCommand]: (caller: Caller, data: CommandData<T>) => Promise<CommandAck<T>>;
};
