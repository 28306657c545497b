import type { PermissionAnswer, PermissionRequest } from "@claude-companion/protocol";
import type { z } from "zod";

type Request = z.infer<typeof PermissionRequest>;
type Answer = z.infer<typeof PermissionAnswer>;

/** Asks a person in a terminal, line by line. */
export interface Asker {
  readonly permissionId: string;
  /** What to show now. */
  prompt(): string;
  /** What the person typed. @returns the answer, or undefined when something more is to be asked */
  take(line: string): Answer | undefined;
}

/** Begins to ask for a permission, a plan or answers to questions. */
export function createAsker(request: Request): Asker {
  return request.kind === "question" && request.questions && request.questions.length > 0
    ? askQuestions(request, request.questions)
    : askPermission(request);
}

function askPermission(request: Request): Asker {
  const many = request.suggestions.length > 1;
  const choices = request.canAllowAlways
    ? `[y]es, [a]lways${many ? " (a 2: only the second)" : ""}, [n]o, or n and a reason`
    : "[y]es, [n]o, or n and a reason";
  let isUnclear = false;
  return {
    permissionId: request.permissionId,
    prompt() {
      if (isUnclear) return `Please answer ${choices}: `;
      const reason = request.reason ? `\n  ${request.reason}` : "";
      return `${request.defaultToNo ? "⚠ " : "? "}${request.title}${reason}\n${detailOf(request)}${alwaysOf(request)}${choices}: `;
    },
    take(line) {
      const text = line.trim();
      let chosen: number[];
      const [, word, rest] = /^(\S*)\s*(.*)$/s.exec(text) ?? [];
      switch (word?.toLowerCase()) {
        case "y":
        case "yes":
          return { decision: "allow" };
        case "a":
        case "always":
          if (!request.canAllowAlways) break;
          if (!rest) return { decision: "allowAlways" };
          chosen = rest.split(/[\s,]+/).map((part) => Number(part) - 1);
          if (chosen.some((index) => request.suggestions[index] === undefined)) break;
          return { decision: "allowAlways", suggestions: chosen };
        case "n":
        case "no":
          return { decision: "deny", ...(rest ? { message: rest } : {}) };
      }
      isUnclear = true;
      return undefined;
    },
  };
}

function askQuestions(request: Request, questions: NonNullable<Request["questions"]>): Asker {
  const answers: NonNullable<Answer["answers"]> = {};
  let at = 0;
  return {
    permissionId: request.permissionId,
    prompt() {
      const question = questions[at];
      if (question === undefined) return "";
      const options = question.options
        .map(({ label, description }, i) => `  ${i + 1}. ${label}${description ? ` (${description})` : ""}\n`)
        .join("");
      const how = question.multiSelect ? "numbers with commas, or your own words" : "a number, or your own words";
      return `? ${question.question}\n${options}${how}: `;
    },
    take(line) {
      const question = questions[at];
      const text = line.trim();
      if (question === undefined || text === "") return undefined;
      const labels = text.split(/[\s,]+/).map((part) => question.options[Number(part) - 1]?.label);
      const chosen = labels.filter((label) => label !== undefined);
      const areNumbers = chosen.length === labels.length;
      answers[question.question] = !areNumbers ? text : question.multiSelect ? chosen : (chosen[0] ?? text);
      at += 1;
      return at < questions.length ? undefined : { decision: "allow", answers };
    },
  };
}

/** What "always" would grant. */
function alwaysOf({ canAllowAlways, suggestions }: Request): string {
  if (!canAllowAlways) return "";
  const hasRules = suggestions.some(({ kind }) => kind === "rule");
  return suggestions
    .map(({ kind, text }, i) => {
      const only = hasRules && kind === "mode" ? ` (only by its number: a ${i + 1})` : "";
      return `  always ${i + 1}: ${text}${only}\n`;
    })
    .join("");
}

function detailOf(request: Request): string {
  if (request.plan !== undefined) return `${indent(request.plan)}\n`;
  const { command, content, new_string: replacement } = request.input;
  const detail = [command, content, replacement].find((part) => typeof part === "string");
  return typeof detail === "string" && detail !== "" ? `${indent(detail.slice(0, 2_000))}\n` : "";
}

const indent = (text: string): string =>
  text
    .split("\n")
    .map((part) => `  │ ${part}`)
    .join("\n");
