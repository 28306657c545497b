import { createServer, request } from "node:http";
import { listen } from "./listen.ts";

/** How the checkpoint refuses: as the Messages API does, with its headers. */
export interface Refusal {
  status: number;
  headers: Record<string, string>;
  error: { type: string; message: string };
}

/** Stands before the model: lets everything pass, or refuses to answer any prompt. */
export interface Checkpoint extends AsyncDisposable {
  readonly url: string;
  /** Undefined: all may pass. */
  refusal: Refusal | undefined;
}

/** @param modelUrl what lies behind it */
export async function startCheckpoint(modelUrl: string): Promise<Checkpoint> {
  const server = createServer((incoming, outgoing) => {
    const { refusal } = checkpoint;
    if (refusal !== undefined && incoming.url?.startsWith("/v1/messages")) {
      incoming.resume();
      outgoing.writeHead(refusal.status, { "content-type": "application/json", ...refusal.headers });
      outgoing.end(JSON.stringify({ type: "error", error: refusal.error }));
      return;
    }
    const { method, headers, url = "/" } = incoming;
    const passed = request(new URL(url, modelUrl), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  const port = await listen(server);
  const checkpoint: Checkpoint = {
    url: `http://127.0.0.1:${port}`,
    refusal: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return checkpoint;
}
