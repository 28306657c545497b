// The schemas of the wire as they were released, and whether today's still fit them: `npm run release-schemas` notes a release.
import { readFileSync, writeFileSync } from "node:fs";
import { commands, PROTOCOL_VERSION, ServerFrame } from "@claude-companion/protocol";
import { z } from "zod";

interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  [limit: string]: unknown;
}
/** Who writes what the schema describes: a client may not be asked for more, a server may not give less. */
type Writer = "client" | "server";
/** What is sent, by name. */
export type Schemas = Record<string, { writer: Writer; schema: JsonSchema }>;

const file = `packages/protocol/released/protocol-${PROTOCOL_VERSION}.json`;
/** Never lower, or never higher, for what a client writes. */
const limits = { upper: ["maximum", "maxLength", "maxItems"], lower: ["minimum", "minLength", "minItems"] };

const jsonSchemaOf = (schema: z.ZodType, io: "input" | "output") =>
  z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;

/** Today's. */
export function schemasNow(): Schemas {
  const asked = Object.entries(commands).flatMap(([type, { data, ack }]) => [
    [`${type}.data`, { writer: "client" as const, schema: jsonSchemaOf(data, "input") }] as const,
    [`${type}.ack`, { writer: "server" as const, schema: jsonSchemaOf(ack, "output") }] as const,
  ]);
  const frames = ServerFrame.options.map((option) => {
    const schema = jsonSchemaOf(option, "output");
    return [`${schema.properties?.type?.const} frame`, { writer: "server" as const, schema }] as const;
  });
  return Object.fromEntries([...asked, ...frames]);
}

export const schemasReleased = (): Schemas => JSON.parse(readFileSync(file, "utf8"));

/** What an old client would stumble over, in words; empty when all that was added is additive. */
export function incompatibilities(released: Schemas, now: Schemas): string[] {
  return Object.entries(released).flatMap(([name, { writer, schema }]) => {
    const today = now[name];
    return today === undefined ? [`${name} is gone`] : compare(name, schema, today.schema, writer);
  });
}

function compare(at: string, before: JsonSchema, now: JsonSchema, writer: Writer): string[] {
  const options = before.anyOf ?? before.oneOf;
  const optionsNow = now.anyOf ?? now.oneOf ?? [now];
  if (options !== undefined)
    return options.flatMap((option, i) => {
      const fits = optionsNow.some((other) => compare(at, option, other, writer).length === 0);
      return fits ? [] : [`${at}: form ${i + 1} is no longer there`];
    });
  // A choice where there was one form: that form must still be among them.
  if (now.anyOf !== undefined || now.oneOf !== undefined)
    return optionsNow.some((other) => compare(at, before, other, writer).length === 0)
      ? []
      : [`${at}: the old form is gone`];
  const found: string[] = [];
  const typesNow = [now.type ?? []].flat();
  if (now.type !== undefined)
    for (const type of [before.type ?? []].flat()) if (!typesNow.includes(type)) found.push(`${at}: ${type} is gone`);
  const valuesNow = now.enum ?? (now.const === undefined ? undefined : [now.const]);
  if (valuesNow !== undefined)
    for (const value of before.enum ?? (before.const === undefined ? ["anything"] : [before.const]))
      if (!valuesNow.includes(value)) found.push(`${at}: ${JSON.stringify(value)} is gone`);
  for (const [name, property] of Object.entries(before.properties ?? {})) {
    const today = now.properties?.[name];
    if (today === undefined) found.push(`${at}.${name} is gone`);
    else found.push(...compare(`${at}.${name}`, property, today, writer));
  }
  const [less, more] = writer === "client" ? [before, now] : [now, before];
  for (const name of more.required ?? [])
    if (!less.required?.includes(name))
      found.push(writer === "client" ? `${at}.${name} must now be given` : `${at}.${name} may now be missing`);
  if (before.items && now.items) found.push(...compare(`${at}[]`, before.items, now.items, writer));
  if (writer === "client") found.push(...tightened(at, before, now));
  return found;
}

function tightened(at: string, before: JsonSchema, now: JsonSchema): string[] {
  const isTighter = (limit: string, sign: 1 | -1) =>
    typeof now[limit] === "number" &&
    (typeof before[limit] !== "number" || sign * ((now[limit] as number) - (before[limit] as number)) < 0);
  return [
    ...limits.upper.filter((limit) => isTighter(limit, 1)),
    ...limits.lower.filter((limit) => isTighter(limit, -1)),
    ...["pattern", "format"].filter((limit) => now[limit] !== undefined && now[limit] !== before[limit]),
  ].map((limit) => `${at}: ${limit} is tighter`);
}

if (import.meta.main) {
  writeFileSync(file, `${JSON.stringify(schemasNow())}\n`);
  console.log(`${file} holds the schemas as they are now.`);
}
