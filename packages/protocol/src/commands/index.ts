import { z } from "zod";
import { RequestId } from "../ids.ts";
import { agentCommands } from "./agent.ts";
import { connectionCommands } from "./connection.ts";
import { conversationCommands } from "./conversation.ts";
import { permissionCommands } from "./permissions.ts";
import { projectCommands } from "./projects.ts";
import { pushCommands } from "./push.ts";
import { queueCommands } from "./queue.ts";
import { scheduleCommands } from "./schedules.ts";
import { sessionCommands } from "./sessions.ts";
import { uploadCommands } from "./uploads.ts";
import { usageCommands } from "./usage.ts";

/**
 * The one table of commands: what a client may ask, and what its `ack` holds. WebSocket and REST are two doors to the
 * same commands; those with `connection: true` change what flows on a connection and exist on WebSocket only.
 */
export const commands = {
  ...connectionCommands,
  ...conversationCommands,
  ...sessionCommands,
  ...queueCommands,
  ...scheduleCommands,
  ...permissionCommands,
  ...agentCommands,
  ...projectCommands,
  ...usageCommands,
  ...uploadCommands,
  ...pushCommands,
};

/** Name of a command. */
export type CommandType = keyof typeof commands;
/** What a handler gets: data after defaults were filled in. */
export type CommandData<T extends CommandType> = z.output<(typeof commands)[T]["data"]>;
/** What a client writes: data before defaults. */
export type CommandInput<T extends CommandType> = z.input<(typeof commands)[T]["data"]>;
/** What the `ack` of a command holds. */
export type CommandAck<T extends CommandType> = z.infer<(typeof commands)[T]["ack"]>;
/** Commands that exist on WebSocket only. */
export type ConnectionCommand = {
  [T in CommandType]: (typeof commands)[T]["connection"] extends true ? T : never;
}[CommandType];
/** Commands that exist on WebSocket and REST. */
export type RequestCommand = Exclude<CommandType, ConnectionCommand>;

/** True for the name of a command. */
export const isCommandType = (value: unknown): value is CommandType =>
  typeof value === "string" && Object.hasOwn(commands, value);

/** The envelope around every command. */
export const CommandEnvelope = z.object({
  type: z.string(),
  requestId: RequestId,
  data: z.unknown().optional(),
  traceparent: z.string().max(200).optional().meta({ description: "W3C Trace Context: what this command belongs to." }),
});
