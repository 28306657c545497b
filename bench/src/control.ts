import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Another process that answers one request at a time. */
export interface Remote {
  ask<Answer>(request: object): Promise<Answer>;
  readonly pid: number;
  end(): Promise<void>;
}

/**
 * Starts a TypeScript file of ours as a process of its own.
 * @param core the processor to pin it to, where `taskset` is there
 */
export function startRemote(file: string, options: { args?: string[]; core?: number } = {}): Remote {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child: ChildProcess = fork(path, options.args ?? [], {
    execArgv: ["--conditions=source", "--expose-gc"],
    serialization: "advanced",
  });
  const answers: ((answer: never) => void)[] = [];
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.on("message", (message) => answers.shift()?.(message as never));
  if (options.core !== undefined && child.pid !== undefined) pin(child.pid, options.core);
  return {
    pid: child.pid ?? 0,
    ask(request) {
      return new Promise((resolve, reject) => {
        answers.push(resolve);
        void gone.then(() => reject(new Error(`${file} ended`)));
        child.send(request);
      });
    },
    async end() {
      child.disconnect();
      await gone;
    },
  };
}

function pin(pid: number, core: number): void {
  // Of all threads; without the tool the figures are only noisier.
  fork(fileURLToPath(new URL("./pin.ts", import.meta.url)), [String(core), String(pid)], { stdio: "ignore" });
}

/** The other side: answers requests until the parent goes away. */
export function serveRequests(handle: (request: never) => Promise<unknown>): void {
  process.on("message", (request) => {
    void handle(request as never).then((answer) => process.send?.(answer ?? {}));
  });
  process.on("disconnect", () => process.exit(0));
}
