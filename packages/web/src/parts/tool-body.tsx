import type { DiffLine } from "../diff-lines.ts";
import { type Tool, textOfInput } from "../tool-heading.ts";
import { CodeLines } from "./code.tsx";
import { Diff } from "./diff.tsx";
import { FileLink } from "./file-link.tsx";
import { Markdown } from "./markdown.tsx";
import { Picture } from "./picture.tsx";
import { TerminalText } from "./terminal-text.tsx";
import { TodoList } from "./todos.tsx";

/** Lines that a list of findings shows at once. */
const linesMax = 200;

/** A tool's input and result, in the form that suits it. */
export function ToolBody({ tool, change }: { tool: Tool; change: readonly DiffLine[] | undefined }) {
  const { name, input, result } = tool;
  const said = result?.text ?? "";
  const pictures = (result?.images ?? []).map((address) => (
    <Picture key={address} address={address} name="what the tool showed" />
  ));
  if (result?.isError && name !== "Bash")
    return (
      <>
        <Input tool={tool} change={change} />
        <Box isError text={said} />
      </>
    );
  switch (name) {
    case "Bash":
      return (
        <Terminal
          command={textOfInput(input.command)}
          output={said}
          isError={result?.isError ?? false}
          about={textOfInput(input.description)}
        />
      );
    case "Edit":
    case "MultiEdit":
    case "Write":
      return <Input tool={tool} change={change} />;
    case "Read":
      return (
        <>
          <p className="text-sm">
            <FileLink path={textOfInput(input.file_path)} />
          </p>
          {pictures.length > 0 ? pictures : <Lines text={said} language={textOfInput(input.file_path)} />}
        </>
      );
    case "Grep":
    case "Glob":
      return <Findings text={said} />;
    case "WebFetch":
    case "WebSearch":
      return (
        <>
          {input.url !== undefined && <OutsideLink address={textOfInput(input.url)} />}
          <Markdown text={said} />
        </>
      );
    case "Task":
    case "Agent":
      return (
        <>
          <details className="text-sm text-soft">
            <summary className="target flex cursor-pointer items-center">What it was told</summary>
            <Markdown text={textOfInput(input.prompt)} />
          </details>
          {said !== "" && <Markdown text={said} />}
        </>
      );
    case "TodoWrite":
      return Array.isArray(input.todos) ? (
        <TodoList todos={input.todos.map(todoOf)} />
      ) : (
        <Input tool={tool} change={change} />
      );
    case "AskUserQuestion":
      return <Box text={said === "" ? JSON.stringify(input, null, 2) : said} />;
    case "ExitPlanMode":
      return <Markdown text={textOfInput(input.plan) || said} />;
    default:
      return (
        <>
          <Input tool={tool} change={change} />
          {said !== "" && <Box text={said} />}
          {pictures}
        </>
      );
  }
}

function todoOf(todo: Record<string, unknown>, i: number) {
  const status = { in_progress: "inProgress", completed: "completed" }[textOfInput(todo.status)] ?? "pending";
  return { id: String(i), text: textOfInput(todo.content), status: status as "pending" | "inProgress" | "completed" };
}

function Input({ tool: { name, input }, change }: { tool: Tool; change: readonly DiffLine[] | undefined }) {
  if (change === undefined)
    return Object.keys(input).length === 0 ? null : <Box text={JSON.stringify(input, null, 2)} />;
  return (
    <>
      <p className="text-sm">
        <FileLink path={textOfInput(input.file_path)} />
      </p>
      {change.length > 0 ? <Diff lines={change} /> : <p className="text-sm text-soft">{name}: nothing changes.</p>}
    </>
  );
}

function Terminal({
  command,
  output,
  about,
  isError,
}: {
  command: string;
  output: string;
  about: string;
  isError: boolean;
}) {
  return (
    <>
      {about && <p className="text-sm text-soft">{about}</p>}
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        className="terminal max-h-96 overflow-auto whitespace-pre-wrap break-words rounded-lg p-3"
      >
        <span className="text-soft">$ </span>
        {command}
        {output !== "" && "\n"}
        <span className={isError ? "term-red" : ""}>
          <TerminalText text={output} />
        </span>
      </pre>
    </>
  );
}

/** Places in files, one a line, as links. */
function Findings({ text }: { text: string }) {
  const lines = text.split("\n").filter((line) => line !== "");
  return (
    <ul className="max-h-72 overflow-auto text-sm">
      {lines.slice(0, linesMax).map((line, i) => {
        const [, path, number, rest = ""] = /^([^\s:]+\.[\w-]+)(?::(\d+))?(?::(.*))?$/.exec(line) ?? [];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
          <li key={i} className="truncate">
            {path === undefined ? (
              line
            ) : (
              <>
                <FileLink path={path} {...(number === undefined ? {} : { line: Number(number) })} />{" "}
                <code className="text-soft">{rest}</code>
              </>
            )}
          </li>
        );
      })}
      {lines.length > linesMax && <li className="text-soft">and {lines.length - linesMax} more</li>}
    </ul>
  );
}

/** A piece of a file as the agent read it, without its numbers. */
function Lines({ text, language }: { text: string; language: string }) {
  const bare = text.replaceAll(/^\s*\d+(?:→|\t)/gm, "");
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className="max-h-72 overflow-auto rounded-lg bg-sunken p-2"
    >
      <CodeLines text={bare} language={language} />
    </pre>
  );
}

function OutsideLink({ address }: { address: string }) {
  if (!/^https?:\/\//.test(address)) return <code>{address}</code>;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer" className="break-all text-clay text-sm underline">
      {address}
    </a>
  );
}

function Box({ text, isError = false }: { text: string; isError?: boolean }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className={`max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-lg bg-sunken p-2 ${isError ? "text-danger" : ""}`}
    >
      {text}
    </pre>
  );
}
