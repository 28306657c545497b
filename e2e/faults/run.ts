import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { layCable } from "../kit/cable.ts";
import { startCollector } from "../kit/collector.ts";
import { startModel } from "../kit/model.ts";
import { makePlace, token } from "../kit/server.ts";
import { createDevice, type Frame } from "./device.ts";
import { createFindings, type FindingKind, type Findings } from "./findings.ts";
import { isTerminal, judge } from "./oracle.ts";
import { startPager } from "./pager.ts";
import { createRandom } from "./random.ts";
import { type Instruction, makeInstruction } from "./script.ts";
import { makeWorld } from "./world.ts";

/** What may be done to a server and its agents. */
export type Fault = "killServer" | "killHost" | "killAgent" | "hold" | "network" | "failWrites" | "second" | "restart";

/** How often each fault comes, relative to the others. */
export type Weights = Partial<Record<Fault, number>>;

export const allFaults: Weights = {
  killServer: 10,
  killHost: 0.5,
  killAgent: 1,
  hold: 2,
  network: 3,
  failWrites: 1,
  second: 0.5,
  restart: 1,
};

const settleMs = 90_000;

/**
 * Lets people, devices and a scripted model work with the real CLI while things are killed, held, cut and starved at
 * random, then lets everything come to rest and compares.
 * @param options.kills the server is killed at least this often in mid-turn
 * @param options.until monotonic ms; goes on at least until then
 */
export async function runFaults(options: {
  seed: number;
  kills: number;
  until?: number;
  sessions: number;
  devices: number;
  weights: Weights;
  environment?: Record<string, string>;
  /** Ends at once when there is a finding of this kind, without waiting for peace. */
  stopOn?: FindingKind;
  answerMs?: number;
  /** How long everything may take to come to rest. */
  settleMs?: number;
  onProgress?: (findings: Findings) => void;
}): Promise<Findings> {
  const random = createRandom(options.seed);
  const findings = createFindings();
  await using model = await startModel();
  await using place = await makePlace(model.url);
  // Push and telemetry are on, and their other sides no better than in life.
  await using pager = await startPager({ random: random.fork(), findings });
  await using collector = await startCollector();
  const effects = join(place.directory, "effects.txt");
  const world = await makeWorld({
    place,
    environment: {
      PROJECT_ROOTS: place.directory,
      HEARTBEAT_SECONDS: "5",
      OTLP_URL: collector.url,
      PUSH_ESCALATE_MINUTES: "0",
      PUSH_PAUSE_SECONDS: "1",
      ...options.environment,
    },
  });
  await world.start();
  await pager.register(world.url);
  await using cable = await layCable(world.url);
  const sessionIds = Array.from({ length: options.sessions }, () => randomUUID());
  for (const sessionId of sessionIds) {
    const workingDirectory = join(place.directory, "projects", sessionId);
    await mkdir(workingDirectory, { recursive: true });
    await post(world.url, "/api/sessions", { sessionId, workingDirectory, reuse: false });
  }

  const instructions: Instruction[] = [];
  const accepted = new Set<string>();
  const ended = new Set<string>();
  const answering = new Map<string, Promise<void>>();
  /** No more instructions; then, no more questions. */
  const [stop, end] = [new AbortController(), new AbortController()];
  function heed(frame: Frame): void {
    const { messageId = "", state = "", permissionId = "" } = frame.data;
    if (frame.type === "messageState" && isTerminal(state)) ended.add(messageId);
    if (frame.type !== "permissionRequest") return;
    if (!answering.has(permissionId)) answering.set(permissionId, answer(frame.sessionId ?? "", permissionId));
  }
  const devices = Array.from({ length: options.devices }, (_, i) =>
    createDevice({
      name: `device${i + 1}`,
      url: i % 2 === 0 ? cable.url : world.url,
      token,
      sessions: sessionIds,
      random: random.fork(),
      findings,
      answerMs: options.answerMs ?? 20_000,
      serverRuns: () => world.serverRuns,
      onFrame: heed,
    }),
  );
  const people = random.fork();

  /** Asks one device after the other until one gets an answer. */
  async function insist(type: string, data: object): Promise<Frame | undefined> {
    for (;;) {
      if (end.signal.aborted) return undefined;
      const answer = await people.pick(devices).ask(type, data);
      if (answer === undefined) await sleep(20);
      else if (answer.type === "error" && answer.data.retryable) await sleep(200);
      else return answer;
    }
  }
  async function answer(sessionId: string, permissionId: string): Promise<void> {
    await sleep(people.between(0, 800));
    findings.count("permissions answered");
    const reply = await insist("respondPermission", { sessionId, permissionId, decision: "allow" });
    if (reply?.type === "error" && reply.data.code !== "ALREADY_RESOLVED")
      findings.add("wrong", `the answer to ${permissionId}: ${JSON.stringify(reply.data)}`);
  }
  async function instruct(sessionId: string): Promise<void> {
    while (!stop.signal.aborted) {
      const outstanding = instructions.filter((i) => i.sessionId === sessionId && !ended.has(i.messageId));
      if (outstanding.length > 1 || (outstanding.length === 1 && !people.chance(0.003))) {
        await sleep(50);
        continue;
      }
      const instruction = makeInstruction({
        random: people,
        number: instructions.length + 1,
        sessionId,
        messageId: randomUUID(),
        effects,
      });
      instructions.push(instruction);
      for (const one of [...outstanding, instruction]) one.alone &&= outstanding.length === 0;
      const { messageId, content } = instruction;
      const reply = await insist("sendMessage", { sessionId, messageId, content });
      if (reply === undefined) return;
      accepted.add(messageId);
      if (reply.type === "error") findings.add("lost", `${instruction.id} was refused: ${JSON.stringify(reply.data)}`);
      // An app that does not trust the answer.
      if (people.chance(0.2)) {
        const again = await insist("sendMessage", { sessionId, messageId, content });
        if (again !== undefined && again.data.seq !== reply.data.seq)
          findings.add("twice", `${instruction.id} sent twice is at ${reply.data.seq} and ${again.data.seq}`);
      }
      await sleep(people.between(0, 300));
    }
  }
  const working = sessionIds.map(instruct);

  let kills = 0;
  let agentsDied = false;
  async function strike(fault: Fault): Promise<void> {
    findings.count(`fault ${fault}`);
    switch (fault) {
      case "killServer": {
        const inTurn = instructions.some(({ messageId }) => !ended.has(messageId));
        await world.kill();
        if (inTurn) kills += 1;
        findings.count(inTurn ? "kills in mid-turn" : "kills at rest");
        await sleep(random.chance(0.3) ? random.between(0, 1_000) : 0);
        return world.start();
      }
      case "restart": {
        const code = await world.stop();
        if (code !== 0) findings.add("wrong", `told to stop, it ended with ${code}`);
        return world.start();
      }
      case "killHost":
      case "killAgent": {
        const pids = await (fault === "killHost" ? world.hostPids() : world.agentPids());
        if (pids.length === 0) return;
        agentsDied = true;
        process.kill(random.pick(pids), "SIGKILL");
        return;
      }
      case "hold": {
        const pids = [world.serverPid, ...(await world.hostPids()), ...(await world.agentPids())];
        return world.hold(random.pick(pids), random.between(200, 2_500));
      }
      case "network": {
        cable.trickle(
          random.chance(0.7) ? { bytes: random.between(1, 300), everyMs: random.between(1, 5) } : undefined,
        );
        await sleep(random.between(0, 500));
        return cable.cut();
      }
      case "failWrites":
        return world.failWrites(random.between(100, 2_000));
      case "second": {
        const { code, errors } = await world.startSecond();
        if (code !== 1 || !errors.includes("Another server works on"))
          findings.add("wrong", `a second server ended with ${code}: ${errors}`);
        return;
      }
      default:
        return fault satisfies never;
    }
  }
  const lottery = Object.entries(options.weights).flatMap(([fault, weight]) =>
    Array.from({ length: Math.round(weight * 10) }, () => fault as Fault),
  );
  const goesOn = () => kills < options.kills || performance.now() < (options.until ?? 0);
  const isFound = () => findings.found.some(({ kind }) => kind === options.stopOn);
  while (goesOn() && !isFound()) {
    await sleep(random.between(100, 1_200));
    if (lottery.length > 0) await strike(random.pick(lottery));
    options.onProgress?.(findings);
  }

  stop.abort();
  cable.trickle(undefined);
  pager.settle();
  for (const device of devices) device.settle();
  const patienceMs = options.settleMs ?? settleMs;
  const deadline = performance.now() + patienceMs;
  const logs = new Map<string, Frame[]>();
  const isSettled = async () => {
    if (instructions.some(({ messageId }) => !ended.has(messageId))) return false;
    for (const sessionId of sessionIds) logs.set(sessionId, await readLog(world.url, sessionId));
    return devices.every((device) =>
      sessionIds.every((id) => (device.known.get(id)?.frames.length ?? 0) >= (logs.get(id)?.length ?? 0)),
    );
  };
  while (!isFound() && !(await isSettled())) {
    if (performance.now() > deadline) {
      const open = instructions.filter(({ messageId }) => !ended.has(messageId)).map(({ id }) => id);
      findings.add("stuck", `after ${patienceMs / 1_000} s of peace ${open.join(", ") || "a device"} waits`);
      break;
    }
    await sleep(100);
  }
  end.abort();
  await Promise.all([...working, ...answering.values()]);
  for (const sessionId of sessionIds) logs.set(sessionId, await readLog(world.url, sessionId));
  if (!isFound()) {
    const sent = instructions.filter(({ messageId }) => accepted.has(messageId));
    await judge({ instructions: sent, devices, logs, asked: model.asked, effects, agentsDied, findings });
    await pager.judge(world.url, logs, patienceMs);
  }
  findings.count("instructions", instructions.length);
  findings.count("starts", world.starts);
  await Promise.all(devices.map((device) => device.close()));
  await world.stop();
  await world.endAgents();
  return findings;
}

async function post(url: string, path: string, body: object): Promise<void> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

async function readLog(url: string, sessionId: string): Promise<Frame[]> {
  const events: Frame[] = [];
  for (;;) {
    const response = await fetch(`${url}/api/sessions/${sessionId}/events?after=${events.length}&limit=1000`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const page = (await response.json()) as { events: Frame[] };
    if (page.events.length === 0) return events;
    events.push(...page.events);
  }
}
