// The scripted model as a process of its own: run with --conditions=source; prints its address and what it is asked, ends with its input.
import { LLMock } from "@copilotkit/aimock";
import { demoDirective } from "./demo-model.ts";
import { type Directive, directiveIn, type Step } from "./directive.ts";

type Request = Parameters<Extract<Parameters<LLMock["on"]>[1], (...args: never) => unknown>>[0];
type Message = Request["messages"][number];

const textOf = ({ content }: Message): string =>
  typeof content === "string"
    ? content
    : (content ?? []).map((part) => (part.type === "text" ? String(part.text) : "")).join("\n");

/** The script of the turn, and how many of its steps were done. */
function turnOf({ messages }: Request): { directive: Directive; done: number } | undefined {
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at];
    if (message?.role !== "user") continue;
    const directive = directiveIn(textOf(message)) ?? demoDirective(textOf(message));
    if (directive === undefined) continue;
    return { directive, done: messages.slice(at).filter((later) => later.role === "assistant").length };
  }
  return undefined;
}

function stepOf(request: Request): Step {
  const turn = turnOf(request);
  return turn?.directive.steps[turn.done] ?? { say: "Done." };
}

/** What the person said since the model last spoke; the CLI may add reminders behind it. */
function latestOf({ messages }: Request): string[] {
  const from = messages.findLastIndex(({ role }) => role === "assistant") + 1;
  return messages
    .slice(from)
    .filter(({ role }) => role === "user")
    .map(textOf);
}

function answer(request: Request) {
  process.stdout.write(`asked ${JSON.stringify(latestOf(request))}\n`);
  const { say, think, tools, error } = stepOf(request);
  if (error !== undefined)
    return {
      error: { message: `scripted ${error}`, type: error === 429 ? "rate_limit_error" : "api_error" },
      status: error,
    };
  const reasoning = think === undefined ? {} : { reasoning: think };
  const toolCalls = tools?.map(({ name, input }) => ({ name, arguments: JSON.stringify(input) }));
  return toolCalls
    ? { ...(say === undefined ? {} : { content: say }), toolCalls, ...reasoning }
    : { content: say ?? "", ...reasoning };
}

const mock = new LLMock({ port: 0, host: "127.0.0.1", journalMaxEntries: 0 });
const paces = [500, 200, 100, 50, 20, 10, 5, 1];
for (const paceMs of paces) {
  mock.on({ predicate: (request) => turnOf(request)?.directive.paceMs === paceMs }, answer, {
    latency: paceMs,
    chunkSize: 4,
  });
}
mock.on({ predicate: () => true }, answer, { chunkSize: 4 });
await mock.start();
process.stdout.write(`${mock.url}\n`);
// An echo comes after all that was said before it.
process.stdin.on("data", (chunk) => process.stdout.write(chunk));
process.stdin.on("end", () => void mock.stop().then(() => process.exit(0)));
