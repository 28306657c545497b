import type { HistoryItem } from "./history.ts";

type Data = Record<string, unknown>;

/**
 * A conversation as Markdown: what people and the agent said, in full; what the agent did, a line each.
 * @param items in the order in which they happened
 */
export function markdownOf(title: string, items: readonly HistoryItem[]): string {
  const parts = items.flatMap((item) => partOf(item.type, Object(item.data) as Data));
  return `${[`# ${title || "Untitled"}`, ...parts].join("\n\n")}\n`;
}

function partOf(type: HistoryItem["type"], data: Data): string[] {
  switch (type) {
    case "humanMessage":
      return ["## You", textOf(data.content)];
    case "assistantMessage": {
      const text = textOf(data.content);
      return text === "" ? [] : [data.parentToolUseId === undefined ? "## Agent" : "### Sub-agent", text];
    }
    case "toolUse":
      return [`- **${data.name}** ${codeOf(targetOf(Object(data.input) as Data))}`.trimEnd()];
    case "toolResult":
      return data.isError === true ? [`  - failed: ${codeOf(textOf(data.content).split("\n")[0] ?? "")}`] : [];
    case "permissionResolved":
      return [`  - ${data.decision}${actorOf(data.by)}`];
    case "turnCompleted":
      return data.result === "success" ? [] : [`*The turn ended: ${data.result}.*`];
    case "error":
      return [`*${data.message}*`];
    default:
      return [];
  }
}

/** Text that holds backticks needs more of them around it. */
function codeOf(text: string): string {
  if (text === "") return "";
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`;
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.flatMap((block) => (block?.type === "text" ? [String(block.text)] : [])).join("\n\n");
}

const actorOf = (by: unknown): string => {
  const { name } = Object(by) as { name?: unknown };
  return typeof name === "string" ? ` by ${name}` : "";
};

const targetOf = (input: Data): string =>
  String(
    [input.command, input.file_path, input.path, input.url, input.pattern, input.description].find(
      (value) => typeof value === "string",
    ) ?? "",
  );
