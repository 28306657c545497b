import { z } from "zod";
import { commands } from "./commands/index.ts";
import { ServerFrame } from "./frame.ts";
import { RequestId, Timestamp } from "./ids.ts";

const schemaOf = (schema: z.ZodType, io: "input" | "output") => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
};
const reference = (name: string) => ({ $ref: `#/channels/connection/messages/${name}` });

/**
 * The WebSocket as an AsyncAPI 3 document: every frame both ways, and which answers which, from the same schemas that
 * the server checks them with.
 * @param options.version of the server
 */
export function asyncApiDocument(options: { version: string }): Record<string, unknown> {
  const messages: Record<string, object> = {};
  const operations: Record<string, object> = {};
  for (const frame of ServerFrame.options) {
    const name = frame.shape.type.value;
    messages[name] = { name, title: name, payload: schemaOf(frame, "output") };
  }
  for (const [type, { summary, data, ack, example }] of Object.entries(commands)) {
    const requestId = "c-42";
    const payload = schemaOf(
      z.object({ type: z.literal(type), requestId: RequestId, data: data as z.ZodObject }),
      "input",
    );
    messages[`${type}Command`] = {
      name: `${type}Command`,
      title: type,
      summary,
      payload,
      examples: [{ payload: { type, requestId, data: example.data } }],
    };
    const answers: string[] = type === "ping" ? ["pong"] : [`${type}Ack`, "error"];
    if (type !== "ping") {
      const acknowledged = z.object({
        type: z.literal("ack"),
        requestId: RequestId,
        timestamp: Timestamp,
        data: (ack as z.ZodObject).extend({ requestId: RequestId }),
      });
      messages[`${type}Ack`] = {
        name: `${type}Ack`,
        title: `The answer to ${type}`,
        payload: schemaOf(acknowledged, "output"),
        examples: [
          {
            payload: {
              type: "ack",
              requestId,
              timestamp: "2026-11-24T13:00:00.123Z",
              data: { ...example.ack, requestId },
            },
          },
        ],
      };
    }
    operations[type] = {
      action: "receive",
      summary,
      channel: { $ref: "#/channels/connection" },
      messages: [reference(`${type}Command`)],
      reply: { channel: { $ref: "#/channels/connection" }, messages: answers.map(reference) },
    };
  }
  const events = ServerFrame.options.map(({ shape }) => shape.type.value);
  operations.tell = {
    action: "send",
    summary: "What happens: after `welcome`, and to those who subscribed.",
    channel: { $ref: "#/channels/connection" },
    messages: events.filter((name) => name !== "ack" && name !== "pong").map(reference),
  };
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Claude Companion Server",
      version: options.version,
      description:
        "Follow and steer coding agents over one WebSocket. The meaning of each frame is told in docs/reference/protocol.md.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: {
      local: {
        host: "127.0.0.1:3001",
        protocol: "ws",
        security: [{ $ref: "#/components/securitySchemes/token" }],
      },
    },
    channels: {
      connection: {
        address: "/ws",
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
      },
    },
    operations,
    components: {
      messages,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}
