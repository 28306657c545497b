import { parentPort, Worker } from "node:worker_threads";
import { CompanionError } from "@claude-companion/protocol";
import { messageOf } from "../../message-of.ts";
import type { FailedOperation } from "./operations.ts";

/** A thread that runs operations in batches. */
export interface Thread<Operation> {
  /**
   * Runs one operation. All that is asked while a batch runs goes into the next one.
   * @throws CompanionError `STORAGE_FAILED`
   */
  call<Result>(operation: Operation): Promise<Result>;
  /** Operations that wait for the next batch. */
  readonly waiting: number;
  /** Finishes what was asked, then ends the thread. Idempotent. */
  close(): Promise<void>;
}

type Call = { operation: unknown; resolve: (result: never) => void; reject: (error: Error) => void };

/**
 * Starts a thread.
 * @param options.batchMax most operations that one batch takes
 * @throws CompanionError `STORAGE_FAILED` when the thread cannot open its database
 */
export async function startThread<Operation>(options: {
  /** The form in which a batch crosses to the thread; by default as it is. */
  pack?: (operations: Operation[]) => unknown[];
  file: URL;
  path: string;
  batchMax: number;
}): Promise<Thread<Operation>> {
  const worker = new Worker(options.file, { workerData: { path: options.path } });
  const waiting: Call[] = [];
  let running: Call[] | undefined;
  let scheduled = false;
  let dead: Error | undefined;
  let closing: Promise<void> | undefined;
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const opened = Promise.withResolvers<void>();
  const idle: (() => void)[] = [];

  /**
   * At the end of this turn of the loop: what comes in one turn shares a commit. A batch costs two wake-ups of another
   * thread and a flush of the disk, far more than what is in it.
   */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(next);
  }
  function next(): void {
    scheduled = false;
    if (running !== undefined) return;
    if (waiting.length === 0) {
      for (const resolve of idle.splice(0)) resolve();
      return;
    }
    running = waiting.splice(0, options.batchMax);
    const operations = running.map((call) => call.operation as Operation);
    worker.postMessage(options.pack?.(operations) ?? operations);
  }
  function die(error: Error): void {
    dead = error;
    opened.reject(error);
    for (const call of [...(running ?? []), ...waiting.splice(0)]) call.reject(error);
    running = undefined;
    for (const resolve of idle.splice(0)) resolve();
  }
  worker.on("message", (reply: { opened: true } | FailedOperation | { results: unknown[] }) => {
    if ("opened" in reply) return opened.resolve();
    if ("failed" in reply) return die(new CompanionError("STORAGE_FAILED", reply.failed));
    const calls = running ?? [];
    running = undefined;
    if (waiting.length > 0 || idle.length > 0) schedule();
    calls.forEach((call, i) => {
      const result = reply.results[i];
      if (isFailure(result)) call.reject(new CompanionError("STORAGE_FAILED", result.failed));
      else call.resolve(result as never);
    });
  });
  worker.once("error", (error) =>
    die(new CompanionError("STORAGE_FAILED", `The storage thread died: ${String(error)}. Restart the server.`)),
  );
  worker.once("exit", () => die(dead ?? new CompanionError("STORAGE_FAILED", "The storage is closed.")));
  await opened.promise;

  return {
    get waiting() {
      return waiting.length;
    },
    call(operation) {
      if (dead) return Promise.reject(dead);
      return new Promise((resolve, reject) => {
        waiting.push({ operation, resolve, reject });
        if (running === undefined) schedule();
      });
    },
    close() {
      closing ??= (async () => {
        if (dead === undefined && (running !== undefined || waiting.length > 0))
          await new Promise<void>((resolve) => idle.push(resolve));
        if (dead === undefined) worker.postMessage("close");
        await exited;
      })();
      return closing;
    },
  };
}

const isFailure = (result: unknown): result is FailedOperation =>
  typeof result === "object" && result !== null && "failed" in result;

/** The thread's own side: opens, then answers batches until it is told to close. */
export function serve<Message>(open: () => { run(batch: Message[]): unknown[]; close(): void }): void {
  const port = parentPort;
  if (port === null) throw new Error("this file runs as a worker thread only");
  let opened: ReturnType<typeof open>;
  try {
    opened = open();
  } catch (error) {
    port.postMessage({ failed: messageOf(error) });
    return;
  }
  port.postMessage({ opened: true });
  port.on("message", (message: Message[] | "close") => {
    if (message !== "close") return port.postMessage({ results: opened.run(message) });
    opened.close();
    port.close();
  });
}
