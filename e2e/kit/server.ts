import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Companion, connect, createMemory, type Storage } from "@claude-companion/client";
import { exitOf, lineOf } from "./lines.ts";

const main = fileURLToPath(new URL("../../packages/server/src/main.ts", import.meta.url));
/** What runs the command line, before its arguments. */
export const commandLine = ["--conditions=source", main];
export const token = "e2e-token-0123456789abcdef";

/** A place of its own for one test: home, data, projects. */
export interface Place extends AsyncDisposable {
  readonly directory: string;
  readonly project: string;
  readonly environment: Record<string, string>;
}

/** @param modelUrl where the CLI finds its model */
export async function makePlace(modelUrl: string): Promise<Place> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "companion-e2e-")));
  const at = (name: string) => join(directory, name);
  for (const name of ["home", "data", "projects/one"]) await mkdir(at(name), { recursive: true });
  return {
    directory,
    project: at("projects/one"),
    environment: {
      PATH: process.env.PATH ?? "",
      HOME: at("home"),
      CLAUDE_CONFIG_DIR: join(at("home"), ".claude"),
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: "dummy-key-for-a-scripted-model",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      AUTH_TOKEN: token,
      DATA_DIR: at("data"),
      PROJECT_ROOTS: at("projects"),
      PORT: "0",
      LOG_LEVEL: "warn",
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 10 }),
  };
}

/** A server as a process, as a user runs it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
  /** Ends it by a signal. @returns the exit code, or the signal */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
  /** A device: a client of its own, which the test closes or leaves to the end. */
  device(name: string, options?: { storage?: Storage; url?: string }): Promise<Companion>;
}

export async function startServer(place: Place, extra: Record<string, string> = {}): Promise<Server> {
  const child = spawn(process.execPath, [...commandLine, "start"], {
    cwd: place.directory,
    env: { ...place.environment, ...extra },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [, url = ""] = await lineOf(child, /(http:\/\/[^/ ]+)/);
  const devices: Companion[] = [];
  async function stop(signal: NodeJS.Signals = "SIGTERM") {
    child.kill(signal);
    return exitOf(child);
  }
  return {
    url,
    process: child,
    stop,
    async device(name, options = {}) {
      const device = await connect({
        url: options.url ?? url,
        token,
        deviceName: name,
        storage: options.storage ?? createMemory(),
      });
      devices.push(device);
      await device.connected();
      return device;
    },
    async [Symbol.asyncDispose]() {
      for (const device of devices) device.close();
      await stop();
    },
  };
}

/** Runs a command of the command line. */
export function runCommand(place: Place, args: string[], extra: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [...commandLine, ...args], {
    cwd: place.project,
    env: { ...place.environment, ...extra },
    stdio: ["pipe", "pipe", "pipe"],
  });
}
