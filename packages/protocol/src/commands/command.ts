import type { z } from "zod";
import type { ErrorCode } from "../errors.ts";

/** The REST form of a command: fields named in `path` stand there, the others in the body, or in the query of a GET. */
export interface RestForm {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** `{field}` stands for a field of the data. */
  path: `/api/${string}`;
  /** When it was done; 200 by default. */
  status?: 201 | 202;
}

interface Definition<Data extends z.ZodObject, Ack extends z.ZodObject> {
  /** What it is for, in one sentence. */
  summary: string;
  data: Data;
  ack: Ack;
  /** Errors that are its own, besides those that every command can meet. */
  errors?: readonly ErrorCode[];
  /** For the documents; tests hold it against the schemas. */
  example: { data: z.input<Data>; ack: z.output<Ack> };
}

/** A command that WebSocket and REST lead to. */
export const command = <Data extends z.ZodObject, Ack extends z.ZodObject>(
  definition: Definition<Data, Ack> & { rest: RestForm },
) => ({ ...definition, connection: false as const, errors: definition.errors ?? [] });

/** A command that changes what flows on a connection: WebSocket only. */
export const connectionCommand = <Data extends z.ZodObject, Ack extends z.ZodObject>(
  definition: Definition<Data, Ack>,
) => ({ ...definition, connection: true as const, errors: definition.errors ?? [] });
