import { styleText } from "node:util";
import type { SessionFrame } from "@claude-companion/client";

const lineMax = 200;

/** Turns a session's frames into text for a terminal. */
export interface Renderer {
  /** What to write for a frame; "" for nothing. */
  render(frame: SessionFrame): string;
}

/** @param options.deviceId ours: what we typed ourselves is not told again */
export function createRenderer(options: { deviceId: string; colours: boolean }): Renderer {
  /** How much of a block was streamed and shown, until its stored event brings the rest. */
  const streamed = new Map<string, number>();
  let midLine = false;
  const paint = (style: "dim" | "red" | "yellow" | "cyan" | "green" | "bold", text: string) =>
    options.colours ? styleText(style, text, { validateStream: false }) : text;

  function line(text: string): string {
    const start = midLine && text !== "" ? "\n" : "";
    midLine = false;
    return `${start}${text}\n`;
  }
  function streaming(frame: Extract<SessionFrame, { type: "streamData" }>): string {
    const { messageId, blockIndex, kind, text, parentToolUseId } = frame.data;
    if (kind === "toolInput" || parentToolUseId !== undefined) return "";
    const key = `${messageId}/${blockIndex}`;
    const start = streamed.has(key) ? "" : midLine ? "\n" : "";
    streamed.set(key, (streamed.get(key) ?? 0) + text.length);
    midLine = !text.endsWith("\n");
    return start + (kind === "thinking" ? paint("dim", text) : text);
  }
  function said(frame: Extract<SessionFrame, { type: "assistantMessage" }>): string {
    const { messageId, blockIndex, content, parentToolUseId, partial } = frame.data;
    if (parentToolUseId !== undefined) return "";
    const key = `${messageId}/${blockIndex}`;
    const shown = streamed.get(key) ?? 0;
    streamed.delete(key);
    const text = content.map((block) => (block.type === "other" ? "" : block.text)).join("");
    const rest = text.slice(shown);
    if (text === "") return "";
    const isThinking = content.every((block) => block.type === "thinking");
    const start = shown === 0 && midLine ? "\n" : "";
    const end = partial ? paint("red", " … (cut off)") : "";
    midLine = false;
    return start + (isThinking ? paint("dim", rest) : rest) + end + (text.endsWith("\n") && !partial ? "" : "\n");
  }

  return {
    render(frame) {
      switch (frame.type) {
        case "streamData":
          return streaming(frame);
        case "assistantMessage":
          return said(frame);
        case "humanMessage": {
          if (frame.data.by?.deviceId === options.deviceId && frame.queued === undefined) return "";
          const { content, by } = frame.data;
          const text =
            typeof content === "string"
              ? content
              : content.map((block) => (block.type === "text" ? block.text : `[${block.type}]`)).join(" ");
          return line(paint("bold", `> ${text}`) + (by ? paint("dim", `  (${by.name})`) : ""));
        }
        case "toolUse":
          // A question is shown by whoever asks it.
          if (frame.data.name === "AskUserQuestion") return "";
          return line(paint("cyan", `⏺ ${frame.data.name} ${oneLine(frame.data.input)}`));
        case "toolResult":
          return line(paint(frame.data.isError ? "red" : "dim", `  ⎿ ${oneLine(frame.data.content)}`));
        case "permissionResolved":
          return line(
            paint(
              "dim",
              `  ${frame.data.decision}${frame.data.by ? ` by ${frame.data.by.name}` : ""}${frame.data.message ? `: ${frame.data.message}` : ""}`,
            ),
          );
        case "turnCompleted": {
          const { result, reason, costUsd } = frame.data;
          const cost = costUsd === undefined ? "" : ` $${costUsd.toFixed(4)}`;
          return line(
            result === "success"
              ? paint("green", `✓ done${cost}`)
              : paint("yellow", `■ ${result}${reason ? `: ${reason}` : ""}${cost}`),
          );
        }
        case "sessionUpdated":
          return frame.data.obstacle ? line(paint("yellow", `· ${frame.data.obstacle.text}`)) : "";
        case "agentNotice":
          return line(paint("dim", `· ${frame.data.text}`));
        case "error":
          return line(paint("red", `✗ ${frame.data.message}`));
        case "gap":
          return line(
            paint(
              "yellow",
              `· Events ${frame.data.fromSeq} to ${frame.data.toSeq} are no longer there (${frame.data.reason}).`,
            ),
          );
        case "sessionStatus":
          return frame.data.status === "hibernated" || frame.data.status === "ended"
            ? line(paint("dim", `· ${frame.data.status}${frame.data.reason ? ` (${frame.data.reason})` : ""}`))
            : "";
        default:
          return "";
      }
    },
  };
}

function oneLine(value: unknown): string {
  const text = typeof value === "string" ? value : textOf(value);
  const flat = text.replaceAll(/\s+/g, " ").trim();
  return flat.length > lineMax ? `${flat.slice(0, lineMax - 1)}…` : flat;
}

function textOf(value: unknown): string {
  if (Array.isArray(value))
    return value
      .map((block) =>
        typeof block === "object" && block !== null && "text" in block ? String(block.text) : JSON.stringify(block),
      )
      .join(" ");
  if (typeof value !== "object" || value === null) return String(value);
  const named = value as Record<string, unknown>;
  const main = [named.command, named.file_path, named.path, named.pattern, named.url].find(
    (part) => typeof part === "string",
  );
  return typeof main === "string" ? main : JSON.stringify(value);
}
