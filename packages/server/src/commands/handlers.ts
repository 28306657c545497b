import type { Actor, CommandAck, CommandData, RequestCommand } from "@claude-companion/protocol";
import type { z } from "zod";

/** Who asks: a user, from a device. */
export interface Caller {
  user: string;
  /** The token that let it in. */
  tokenId: string;
  deviceId: string;
  /** For people: "Ada's phone". */
  deviceName: string;
}

/** The caller as events and records name it. */
export const actorOf = ({ deviceId, deviceName }: Caller): z.infer<typeof Actor> => ({ deviceId, name: deviceName });

/** One handler a command, free of transport. A missing one does not compile. */
export type Handlers = {
  [T in RequestCommand]: (caller: Caller, data: CommandData<T>) => Promise<CommandAck<T>>;
};
