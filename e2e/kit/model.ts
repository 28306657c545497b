import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exitOf, lineOf } from "./lines.ts";

/** A scripted model on loopback that speaks the Messages API; what it says stands in the prompts. */
export interface Model extends AsyncDisposable {
  readonly url: string;
  /** Its process: stopped, the connections to it are open and silent. */
  readonly pid: number;
  /** Requests in which this text stands in what the person said last: how often the model was asked it. */
  asked(text: string): Promise<number>;
  /** All that the person said last, in the last request. */
  lastSaid(): Promise<string>;
  /** Texts of the results that tools gave, in all requests. */
  toolResults(): Promise<string[]>;
}

/** Not every request has messages: counting tokens, for one. */
type Journaled = { body: { messages?: { role: string; content: unknown }[] } | null };

export async function startModel(): Promise<Model> {
  const file = fileURLToPath(new URL("./model-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=source", file], { stdio: ["pipe", "pipe", "pipe"] });
  const asked: string[][] = [];
  const echoes = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("asked ")) asked.push(JSON.parse(line.slice("asked ".length)));
    else echoes.get(line)?.();
  });
  const [url] = await lineOf(child, /^http.*/);
  async function requests(): Promise<Journaled[]> {
    const response = await fetch(`${url}/__aimock/journal?limit=10000`);
    const body: unknown = await response.json();
    return (Array.isArray(body) ? body : (body as { entries: Journaled[] }).entries) as Journaled[];
  }
  /** An echo comes after all that was asked before it. */
  async function caughtUp(): Promise<void> {
    const echo = randomUUID();
    const heard = new Promise<void>((resolve) => echoes.set(echo, resolve));
    child.stdin.write(`${echo}\n`);
    await heard;
  }
  return {
    url,
    pid: child.pid ?? 0,
    async asked(text) {
      await caughtUp();
      return asked.filter((texts) => texts.some((said) => said.includes(text))).length;
    },
    async lastSaid() {
      await caughtUp();
      return asked.at(-1)?.join("\n") ?? "";
    },
    async toolResults() {
      const all = await requests();
      return all.flatMap(({ body }) =>
        (body?.messages ?? []).filter(({ role }) => role === "tool").map(({ content }) => JSON.stringify(content)),
      );
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGCONT");
      child.stdin.end();
      await exitOf(child);
    },
  };
}
