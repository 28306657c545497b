// Writes the documents that follow from the program: run by `npm run docs`, held against the program by a test.
import { readFileSync, writeFileSync } from "node:fs";
import { commands } from "@claude-companion/protocol";
import { flagOf, type SettingName, settings } from "../packages/server/src/config.ts";
import { describeMetrics } from "../packages/server/src/telemetry/index.ts";

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

/** docs/reference/configuration.md with the table of settings in its place. */
export function configurationPage(): string {
  const page = readFileSync("docs/reference/configuration.md", "utf8");
  const rows = (Object.keys(settings) as SettingName[]).map((name) => {
    const { standard = "", wants, meaning } = settings[name];
    const shown = standard === "" ? "" : `\`${standard}\``;
    return `| \`${name}\` | \`--${flagOf(name)}\` | ${shown} | ${wants} | ${meaning} |\n`;
  });
  return page.replace(/(\| --- .*\n)(?:\| `.*\n)+/, (_, head) => head + rows.join(""));
}

/** docs/reference/metrics.md: every metric. */
export function metricsPage(): string {
  const rows = describeMetrics().map(
    ({ prometheusName, name, kind, unit, description }) =>
      `| \`${prometheusName}\` | \`${name}\` | ${kind} | ${unit.startsWith("{") ? unit.slice(1, -1) : unit} | ${description} |\n`,
  );
  return `# Metrics

Made by \`npm run docs\` from the instruments. The first name is Prometheus's (\`GET /metrics\`), the second OpenTelemetry's, which OTLP and \`/api/telemetry/history\` use.

| Prometheus | OpenTelemetry | kind | unit | meaning |
| --- | --- | --- | --- | --- |
${rows.join("")}`;
}

/** Path to content of every document that is made. */
export const documents = (): Record<string, string> => ({
  "docs/reference/commands.md": commandsPage(),
  "docs/reference/configuration.md": configurationPage(),
  "docs/reference/metrics.md": metricsPage(),
});

if (import.meta.main) for (const [path, text] of Object.entries(documents())) writeFileSync(path, text);
