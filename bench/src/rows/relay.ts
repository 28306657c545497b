import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Companion, connect } from "@claude-companion/client";
import { slowly } from "../../../e2e/kit/directive.ts";
import { startModel } from "../../../e2e/kit/model.ts";
import { makePlace, startServer, token } from "../../../e2e/kit/server.ts";
import type { Row } from "../main.ts";
import { median, ratio, rounds } from "./measure.ts";

const text = "and so it went on, word by word, ".repeat(4_000);
const prompt = slowly(0, { say: text });

interface Relay {
  seconds: number;
  cpuSeconds: number;
  pieces: number;
}

/** CPU that these processes have used, in seconds (Linux: ticks of 10 ms). */
function cpuOf(...pids: number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/** The SDK alone, in a process of its own. */
async function direct(url: string): Promise<Relay> {
  await using place = await makePlace(url);
  const file = fileURLToPath(new URL("../servers/sdk-alone.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ["--conditions=source", file], {
    env: { ...place.environment, PROJECT: place.project },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin?.end(prompt);
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  await new Promise((resolve) => child.once("exit", resolve));
  return JSON.parse(output) as Relay;
}

/** The same through server and agent host, to one device. */
async function ours(url: string): Promise<Relay> {
  await using place = await makePlace(url);
  await using server = await startServer(place);
  const device: Companion = await connect({ url: server.url, token, deviceName: "bench" });
  const { session } = await device.request("createSession", { workingDirectory: place.project });
  const { sessionId } = session;
  const stream = device.subscribe(sessionId);
  await device.send(sessionId, slowly(0, { say: "warm" }));
  let seconds = 0;
  let before = 0;
  let begun = 0;
  let pieces = 0;
  let turns = 0;
  let pids: number[] = [];
  for await (const frame of stream) {
    if (frame.type === "streamData" && turns === 1) {
      if (pieces === 0) [begun, before] = [performance.now(), cpuOf(...pids)];
      pieces += 1;
    }
    if (frame.type !== "turnCompleted") continue;
    turns += 1;
    if (turns === 1) {
      const host = readFileSync(`/proc/${server.process.pid}/task/${server.process.pid}/children`, "utf8");
      pids = [server.process.pid ?? 0, ...host.trim().split(" ").map(Number)].filter((pid) => pid > 0);
      await device.send(sessionId, prompt);
    } else {
      seconds = (performance.now() - begun) / 1_000;
      break;
    }
  }
  const used = cpuOf(...pids) - before;
  device.close();
  return { seconds, cpuSeconds: used, pieces: text.length / 4 };
}

export const relay: Row = {
  name: "relay",
  async run(print) {
    await using model = await startModel();
    const figures = { direct: [] as Relay[], ours: [] as Relay[] };
    for (let round = 0; round < rounds; round++) {
      figures.direct.push(await direct(model.url));
      figures.ours.push(await ours(model.url));
    }
    const of = (name: keyof typeof figures, what: keyof Relay) => median(figures[name].map((figure) => figure[what]));
    const rate = (name: keyof typeof figures) => of(name, "pieces") / of(name, "seconds");
    const cpu = (name: keyof typeof figures) => (1e6 * of(name, "cpuSeconds")) / of(name, "pieces");
    print("| work | ours (server and agent host) | the SDK alone | ratio | target |");
    print("| --- | --- | --- | --- | --- |");
    print(
      `| one CLI that writes as fast as it can: pieces a second | ${rate("ours").toFixed(0)} | ${rate("direct").toFixed(0)} | ${ratio(rate("ours"), rate("direct"))} | keeps up |`,
    );
    print(
      `| CPU for a piece, µs | ${cpu("ours").toFixed(0)} | ${cpu("direct").toFixed(0)} | ${ratio(cpu("ours"), cpu("direct"))} | ≤ 1.25 |`,
    );
  },
};
