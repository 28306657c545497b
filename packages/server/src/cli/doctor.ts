import { constants, existsSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import { agentEnvironment, checkClaudeCli } from "../agents/index.ts";
import type { Config } from "../config.ts";
import { createDirectories } from "../projects/index.ts";
import { damageOf } from "../storage/index.ts";
import { type Command, configOf, readFlags } from "./command-line.ts";
import { readServerFile } from "./server-file.ts";

interface Finding {
  what: string;
  ok: boolean;
  /** What was found and, when it is not well, how to mend it. */
  detail: string;
}

const nodeMajorMin = 24;

/** `claude-companion doctor`: looks at all that a start needs, and says how to mend what is missing. */
export const doctor: Command = async (terminal) => {
  const { values } = readFlags(terminal.args, { json: { type: "boolean" } });
  const { json, ...rest } = values;
  const config = configOf(terminal, rest);
  const findings = [
    checkNode(process.versions.node),
    ...(await checkClaude(config, terminal.environment)),
    await checkDataDirectory(config.DATA_DIR),
    checkDatabase(config.DATA_DIR),
    await checkRoots(config.PROJECT_ROOTS),
    await checkPort(config),
  ];
  if (json) terminal.output.write(`${JSON.stringify(findings, null, 2)}\n`);
  else for (const { what, ok, detail } of findings) terminal.output.write(`${ok ? "✓" : "✗"} ${what}: ${detail}\n`);
  return findings.every((finding) => finding.ok) ? 0 : 1;
};

function checkNode(version: string): Finding {
  const ok = Number(version.split(".")[0]) >= nodeMajorMin;
  return {
    what: "Node",
    ok,
    detail: ok
      ? version
      : `${version}, but at least ${nodeMajorMin} is needed. Install it from your package manager or with \`npx -p node@24\`.`,
  };
}

async function checkClaude(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const found = await checkClaudeCli({
    configuredPath: config.CLAUDE_CLI_PATH,
    environment: agentEnvironment(environment, config.AGENT_ENV),
  });
  if (!found.available) return [{ what: "Claude CLI", ok: false, detail: found.reason }];
  const cli = {
    what: "Claude CLI",
    ok: true,
    detail: `${found.version} at ${found.path}${found.warning ? ` (${found.warning})` : ""}`,
  };
  return [cli, { what: "Login", ok: true, detail: found.login ?? "the CLI does not tell; the first message will" }];
}

async function checkDataDirectory(path: string): Promise<Finding> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK);
    return { what: "Data directory", ok: true, detail: path };
  } catch (error) {
    return {
      what: "Data directory",
      ok: false,
      detail: `${path} cannot be written (${String(error)}). Set DATA_DIR to a folder that you can write.`,
    };
  }
}

function checkDatabase(dataDirectory: string): Finding {
  const path = join(dataDirectory, "companion.db");
  const what = "Database";
  if (!existsSync(path)) return { what, ok: true, detail: "none yet; the first start makes it" };
  const damage = damageOf(path, true);
  if (damage === undefined) return { what, ok: true, detail: path };
  const detail = `${path} is damaged (${damage}). Stop the server and restore a backup with \`claude-companion restore FILE\`; what is there is kept.`;
  return { what, ok: false, detail };
}

async function checkRoots(roots: readonly string[]): Promise<Finding> {
  try {
    const directories = await createDirectories({ roots });
    return { what: "Project roots", ok: true, detail: directories.roots.join(", ") };
  } catch (error) {
    if (!(error instanceof CompanionError)) throw error;
    return { what: "Project roots", ok: false, detail: error.message };
  }
}

async function checkPort({ HOST, PORT, DATA_DIR }: Config): Promise<Finding> {
  const what = `Port ${HOST}:${PORT}`;
  const server = createServer();
  const problem = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen({ host: HOST, port: PORT }, () => resolve(undefined));
  });
  server.close();
  if (problem === undefined) return { what, ok: true, detail: "free" };
  const own = await readServerFile(DATA_DIR);
  if (problem.code === "EADDRINUSE" && own && new URL(own.url).port === String(PORT))
    return { what, ok: true, detail: `your server runs there (process ${own.pid})` };
  return { what, ok: false, detail: `cannot be listened on (${problem.code}). Choose another with --port.` };
}
