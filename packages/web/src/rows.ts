import type { Item } from "./conversation.ts";

/** A line of the conversation, with what belongs inside it. */
export interface Row {
  item: Item;
  /** What a sub-agent did, which this tool started. */
  inside: readonly Item[];
}

const parentOf = (item: Item): string | undefined => ("parent" in item ? item.parent : undefined);

/** Items as they are shown: those of a sub-agent inside the tool that started it, nothing that is empty. */
export function rowsOf(items: readonly Item[]): Row[] {
  const tools = new Set(items.flatMap((item) => (item.kind === "tool" ? [item.key] : [])));
  const inside = new Map<string, Item[]>();
  const top: Item[] = [];
  for (const item of items) {
    if ((item.kind === "thinking" || item.kind === "text") && item.text === "") continue;
    const parent = parentOf(item);
    if (parent === undefined || !tools.has(parent)) top.push(item);
    else inside.set(parent, [...(inside.get(parent) ?? []), item]);
  }
  return top.map((item) => ({ item, inside: (item.kind === "tool" ? inside.get(item.key) : undefined) ?? nothing }));
}
const nothing: readonly Item[] = [];
