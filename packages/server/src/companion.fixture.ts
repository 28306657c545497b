import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { type ApiAnswer, callApi } from "../../../e2e/kit/api.ts";
import { createScriptedProvider, type Script, type ScriptedProvider } from "./agents/index.ts";
import { type Companion, createCompanion } from "./companion.ts";
import { readConfig } from "./config.ts";

export const testToken = "test-token-0123456789";

/** A whole server in this process, on a port of its own, with a scripted agent. */
export interface TestCompanion extends AsyncDisposable {
  readonly companion: Companion;
  readonly provider: ScriptedProvider;
  readonly url: string;
  readonly root: string;
  readonly project: string;
  /** What the server logged. */
  readonly logged: string[];
  /** A request with our token. */
  api(path: string, init?: { method?: string; body?: unknown; headers?: Record<string, string> }): Promise<ApiAnswer>;
  socket(query?: string, headers?: Record<string, string>): Promise<RawSocket>;
}

type Frame = { type: string; requestId?: string; seq?: number; sessionId?: string; data: Record<string, never> };

/** A WebSocket without any manners of the client library. */
export interface RawSocket {
  readonly ws: WebSocket;
  readonly frames: Frame[];
  readonly closed: Promise<number>;
  send(frame: unknown): void;
  /** Sends a command and waits for its answer. */
  ask(type: string, data?: object): Promise<Frame>;
  until(fits: (frame: Frame) => boolean): Promise<Frame>;
}

const defaultScript: Script = async (agent, text) => {
  if (text === "ask") await agent.ask({});
  else await agent.say(`you said ${text}`);
};

export async function startTestCompanion(
  options: { script?: Script; environment?: Record<string, string> } = {},
): Promise<TestCompanion> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "companion-test-")));
  const project = join(root, "projects", "one");
  await mkdir(project, { recursive: true });
  const provider = createScriptedProvider({ script: options.script ?? defaultScript });
  const logged: string[] = [];
  const config = readConfig({
    flags: {},
    file: {},
    environment: {
      PORT: "0",
      AUTH_TOKEN: testToken,
      DATA_DIR: join(root, "data"),
      PROJECT_ROOTS: join(root, "projects"),
      LOG_LEVEL: "debug",
      ...options.environment,
    },
  });
  const companion = await createCompanion(config, {
    environment: {},
    providers: [provider],
    logTo: { write: (line) => void logged.push(line) },
  });
  return {
    companion,
    provider,
    url: companion.url,
    root,
    project,
    logged,
    api: (path, init) => callApi(companion.url + path, { token: testToken, ...init }),
    socket: (query = "", headers = { authorization: `Bearer ${testToken}` }) =>
      openSocket(`${companion.url}/ws?${query}`, headers),
    async [Symbol.asyncDispose]() {
      await companion.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** @throws Error with the HTTP status when the upgrade is refused */
export async function openSocket(url: string, headers: Record<string, string>): Promise<RawSocket> {
  const ws = new WebSocket(url.replace("http", "ws"), { headers, perMessageDeflate: false });
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let requests = 0;
  const closed = new Promise<number>((resolve) => ws.on("close", resolve));
  ws.on("message", (raw) => {
    frames.push(JSON.parse(String(raw)));
    for (const look of [...waiting]) look();
  });
  await new Promise<void>((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("unexpected-response", (_request, response) => {
      let body = "";
      response
        .on("data", (chunk) => (body += chunk))
        .on("end", () => reject(new Error(`${response.statusCode} ${JSON.parse(body).code}`)));
    });
    ws.once("error", reject);
  });
  const socket: RawSocket = {
    ws,
    frames,
    closed,
    send: (frame) => ws.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    ask(type, data = {}) {
      const requestId = `t-${++requests}`;
      socket.send({ type, requestId, data });
      return socket.until((frame) => frame.requestId === requestId);
    },
    until: (fits) =>
      new Promise((resolve, reject) => {
        const patience = setTimeout(
          () => reject(new Error(`it did not come; there was: ${frames.map((frame) => frame.type).join(" ")}`)),
          10_000,
        );
        const look = () => {
          const found = frames.find(fits);
          if (found === undefined) return;
          clearTimeout(patience);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
  return socket;
}
