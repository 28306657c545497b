// Writes the documents that follow from the program: run by `npm run docs`, held against the program by a test.
import { writeFileSync } from "node:fs";
import { commands } from "@claude-companion/protocol";

const json = (value: unknown) => JSON.stringify(value);

/** docs/reference/commands.md: every command with its REST form, errors and an example. */
export function commandsPage(): string {
  const sections = Object.entries(commands).map(([type, command]) => {
    const rest = command.connection ? "WebSocket only." : `REST: \`${command.rest.method} ${command.rest.path}\``;
    const status = !command.connection && "status" in command.rest ? ` (${command.rest.status})` : "";
    const errors =
      command.errors.length > 0 ? ` Errors of its own: ${command.errors.map((code) => `\`${code}\``).join(", ")}.` : "";
    const answer = type === "ping" ? "" : `\`\`\`json ack\n${json(command.example.ack)}\n\`\`\`\n`;
    return `## ${type}\n\n${command.summary} ${rest}${status}${errors}\n\n\`\`\`json client\n${json({ type, requestId: "c-42", data: command.example.data })}\n\`\`\`\n\n${answer}`;
  });
  return `# Commands

Made by \`npm run docs\` from the schemas. What a client asks carries a \`requestId\` of its choice and is answered once: by an \`ack\` with the same \`requestId\`
(its \`data\` is shown second) or by an \`error\`. Over REST the fields that stand in the path are left out of the body (of a GET: of the query), and the answer is the \`data\` alone.

${sections.join("\n")}`
    .trimEnd()
    .concat("\n");
}

if (import.meta.main) writeFileSync("docs/reference/commands.md", commandsPage());
