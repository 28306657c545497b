import { Check, ChevronRight, FileText, Loader, Pencil, Search, Terminal, Wrench, X } from "lucide-react";
import type { Item } from "../conversation.ts";
import { Diff, linesOfEdit } from "./diff.tsx";

type Tool = Extract<Item, { kind: "tool" }>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const baseName = (path: string): string => path.split("/").at(-1) ?? path;

/** What a tool does, in a few words, and its sign. */
function headingOf({ name, input, live }: Tool): { sign: typeof Wrench; verb: string; object: string } {
  switch (name) {
    case "Bash":
      return { sign: Terminal, verb: live ? "Running" : "Ran", object: text(input.command) };
    case "Edit":
    case "MultiEdit":
      return { sign: Pencil, verb: live ? "Editing" : "Edited", object: baseName(text(input.file_path)) };
    case "Write":
      return { sign: Pencil, verb: live ? "Writing" : "Wrote", object: baseName(text(input.file_path)) };
    case "Read":
      return { sign: FileText, verb: live ? "Reading" : "Read", object: baseName(text(input.file_path)) };
    case "Grep":
    case "Glob":
      return { sign: Search, verb: live ? "Searching" : "Searched", object: text(input.pattern) };
    default:
      return {
        sign: Wrench,
        verb: name || "Preparing a tool",
        object: text(input.description) || text(input.prompt).slice(0, 80),
      };
  }
}

/** A tool at work or done: one line, which opens. A failed one is open. */
export function ToolCard({ tool }: { tool: Tool }) {
  const { sign: Sign, verb, object } = headingOf(tool);
  const { result, input, name } = tool;
  const edit = linesOfEdit(name, input);
  return (
    <details open={result?.isError} className="entry group rounded-card border border-line bg-raised">
      <summary className="target flex cursor-pointer list-none items-center gap-2 px-3 text-sm">
        <Sign aria-hidden className="size-4 shrink-0 text-soft" />
        <span className="shrink-0">{verb}</span>
        <code className="min-w-0 flex-1 truncate text-soft">{object}</code>
        {tool.live ? (
          <Loader aria-label="at work" role="img" className="size-4 shrink-0 animate-spin text-soft" />
        ) : result?.isError ? (
          <X aria-label="failed" role="img" className="size-4 shrink-0 text-danger" />
        ) : (
          <Check aria-label="done" role="img" className="size-4 shrink-0 text-done" />
        )}
        <ChevronRight aria-hidden className="size-4 shrink-0 text-soft transition-transform group-open:rotate-90" />
      </summary>
      <div className="border-line border-t px-3 py-2">
        {edit ? (
          <Diff lines={edit} />
        ) : (
          <Box text={name === "Bash" ? `$ ${text(input.command)}` : JSON.stringify(input, null, 2)} />
        )}
        {result && result.text !== "" && <Box text={result.text} isError={result.isError} />}
      </div>
    </details>
  );
}

function Box({ text, isError = false }: { text: string; isError?: boolean }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className={`mt-1 max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-lg bg-sunken p-2 ${isError ? "text-danger" : ""}`}
    >
      {text}
    </pre>
  );
}
