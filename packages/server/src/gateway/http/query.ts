import type { z } from "zod";

/** What a query says in text, as the schema's fields want it: numbers, true and false, lists. What does not fit stays as it is, for the schema to refuse. */
export function readQuery(schema: z.ZodObject, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, read(kindOf(schema.shape[name]), value)]),
  );
}

function read(kind: string | undefined, value: unknown): unknown {
  if (kind === "array") return Array.isArray(value) ? value : [value];
  if (typeof value !== "string") return value;
  if (kind === "number") return value.trim() === "" ? value : Number(value);
  if (kind === "boolean") return value === "true" ? true : value === "false" ? false : value;
  return value;
}

/** Through what may be left out to what it is. */
function kindOf(schema: unknown): string | undefined {
  let inner = schema as z.ZodType | undefined;
  while (inner !== undefined && "innerType" in inner.def) inner = inner.def.innerType as z.ZodType;
  return inner?.def.type;
}
