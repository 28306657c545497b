import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { exitOf, lineOf } from "./lines.ts";

/** A scripted model on loopback that speaks the Messages API; what it says stands in the prompts. */
export interface Model extends AsyncDisposable {
  readonly url: string;
  /** Requests in which this text stands in what the person said last: how often the model was asked it. */
  asked(text: string): Promise<number>;
  /** Texts of the results that tools gave, in all requests. */
  toolResults(): Promise<string[]>;
}

/** Not every request has messages: counting tokens, for one. */
type Journaled = { body: { messages?: { role: string; content: unknown }[] } | null };

export async function startModel(): Promise<Model> {
  const file = fileURLToPath(new URL("./model-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=source", file], { stdio: ["pipe", "pipe", "pipe"] });
  const [url] = await lineOf(child, /^http.*/);
  async function requests(): Promise<Journaled[]> {
    const response = await fetch(`${url}/__aimock/journal?limit=10000`);
    const body: unknown = await response.json();
    return (Array.isArray(body) ? body : (body as { entries: Journaled[] }).entries) as Journaled[];
  }
  return {
    url,
    async asked(text) {
      const all = await requests();
      return all.filter(({ body }) => {
        const last = body?.messages?.at(-1);
        return last?.role === "user" && JSON.stringify(last.content).includes(JSON.stringify(text).slice(1, -1));
      }).length;
    },
    async toolResults() {
      const all = await requests();
      return all.flatMap(({ body }) =>
        (body?.messages ?? []).filter(({ role }) => role === "tool").map(({ content }) => JSON.stringify(content)),
      );
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exitOf(child);
    },
  };
}
