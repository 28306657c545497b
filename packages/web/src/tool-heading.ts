import {
  Bot,
  FileText,
  Globe,
  ListTodo,
  type LucideIcon,
  MessageCircleQuestion,
  Pencil,
  Map as Plan,
  Search,
  Terminal,
  Wrench,
} from "lucide-react";
import type { Item } from "./conversation.ts";

export type Tool = Extract<Item, { kind: "tool" }>;

export const textOfInput = (value: unknown): string => (typeof value === "string" ? value : "");
const baseName = (path: unknown): string => textOfInput(path).split("/").at(-1) ?? "";

/** What a tool does in a few words, and its sign. */
export function headingOf({ name, input, live }: Pick<Tool, "name" | "input" | "live">): {
  icon: LucideIcon;
  verb: string;
  object: string;
} {
  const of = (icon: LucideIcon, now: string, done: string, object: string) => ({
    icon,
    verb: live ? now : done,
    object,
  });
  switch (name) {
    case "Bash":
      return of(Terminal, "Running", "Ran", textOfInput(input.command));
    case "Edit":
    case "MultiEdit":
      return of(Pencil, "Editing", "Edited", baseName(input.file_path));
    case "NotebookEdit":
      return of(Pencil, "Editing", "Edited", baseName(input.notebook_path));
    case "Write":
      return of(Pencil, "Writing", "Wrote", baseName(input.file_path));
    case "Read":
      return of(FileText, "Reading", "Read", baseName(input.file_path));
    case "Grep":
    case "Glob":
      return of(Search, "Searching", "Searched", textOfInput(input.pattern));
    case "WebFetch":
      return of(Globe, "Fetching", "Fetched", textOfInput(input.url));
    case "WebSearch":
      return of(Globe, "Searching the web", "Searched the web", textOfInput(input.query));
    case "Task":
    case "Agent":
      return of(Bot, "Sub-agent at work", "Sub-agent", textOfInput(input.description));
    case "TodoWrite":
    case "TaskCreate":
    case "TaskUpdate":
      return of(ListTodo, "Planning", "Planned", textOfInput(input.subject));
    case "AskUserQuestion":
      return of(MessageCircleQuestion, "Asking", "Asked", "");
    case "ExitPlanMode":
      return of(Plan, "Proposing a plan", "Proposed a plan", "");
    default: {
      const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
      const called = server === undefined ? name : `${server}: ${tool?.replaceAll("_", " ")}`;
      const object = textOfInput(input.description) || textOfInput(input.prompt).slice(0, 80);
      return of(Wrench, called || "Preparing a tool", called || "Prepared a tool", object);
    }
  }
}
