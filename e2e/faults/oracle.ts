import { readFile } from "node:fs/promises";
import { type Device, type Frame, textOf } from "./device.ts";
import type { Findings } from "./findings.ts";
import { type Instruction, idIn } from "./script.ts";

const terminal = new Set(["answered", "failed", "withdrawn", "indeterminate"]);

/** What the log says became of a message: the states that it went through. */
export const isTerminal = (state: string): boolean => terminal.has(state);

/**
 * Compares what was asked with what happened: each device's stream, the log, what the model was asked, and what the
 * tools did must agree.
 * @param options.agentsDied some agents were killed: what they worked on may have failed, but only once and told
 */
export async function judge(options: {
  instructions: readonly Instruction[];
  devices: readonly Device[];
  logs: ReadonlyMap<string, readonly Frame[]>;
  asked: (text: string) => Promise<number>;
  effects: string;
  agentsDied: boolean;
  findings: Findings;
}): Promise<void> {
  const { instructions, devices, logs, findings, agentsDied } = options;
  for (const [sessionId, log] of logs) {
    log.forEach((frame, i) => {
      if (frame.seq !== i + 1) findings.add("outOfOrder", `the log of ${sessionId} has ${frame.seq} at place ${i + 1}`);
    });
    for (const device of devices) compare(device, sessionId, log, findings);
    findings.count("events", log.length);
    judgeLog(log, findings);
  }
  const effects = await readFile(options.effects, "utf8").catch(() => "");
  for (const instruction of instructions) {
    const log = logs.get(instruction.sessionId) ?? [];
    const state = judgeInstruction(instruction, log, agentsDied, findings);
    findings.count(state === "answered" ? "answered" : "told as failed");
    const times = await options.asked(instruction.content);
    if (times > 1) findings.add("twice", `the model was asked ${instruction.id} ${times} times`);
    if (!instruction.alone) {
      findings.count("sent while another was worked on");
      continue;
    }
    if (times === 0 && state === "answered") findings.add("wrong", `${instruction.id} is answered and was never asked`);
    if (instruction.tool === undefined) continue;
    const ran = effects.split("\n").filter((line) => line === instruction.id).length;
    if (ran > 1) findings.add("twice", `the tool of ${instruction.id} ran ${ran} times`);
    if (ran === 0 && state === "answered") findings.add("lost", `the tool of ${instruction.id} did not run`);
  }
}

function compare(device: Device, sessionId: string, log: readonly Frame[], findings: Findings): void {
  const frames = device.known.get(sessionId)?.frames ?? [];
  if (frames.length !== log.length)
    findings.add("lost", `${device.name} has ${frames.length} of ${log.length} events of ${sessionId}`);
  frames.forEach((frame, i) => {
    const expected = JSON.stringify(log[i] ?? null);
    if (JSON.stringify(frame) !== expected)
      findings.add(
        "wrong",
        `${device.name} has at ${i + 1} ${JSON.stringify(frame).slice(0, 150)}, the log ${expected.slice(0, 150)}`,
      );
  });
}

/** Things that may happen once. */
function judgeLog(log: readonly Frame[], findings: Findings): void {
  const keys = log.flatMap(({ type, data }): string[] => {
    const fields = data;
    if (type === "humanMessage") return [`message ${fields.messageId}`];
    if (type === "messageState" && isTerminal(String(fields.state))) return [`end of message ${fields.messageId}`];
    if (type === "permissionRequest" || type === "permissionResolved" || type === "permissionApplied")
      return [`${type} ${fields.permissionId}`];
    if (type === "toolUse" || type === "toolResult") return [`${type} ${fields.toolUseId}`];
    if (type === "assistantMessage") return [`words ${fields.messageId}/${fields.blockIndex}`];
    return [];
  });
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) findings.add("twice", key);
    seen.add(key);
  }
  for (const key of seen) {
    if (key.startsWith("permissionRequest") && !seen.has(key.replace("Request", "Resolved")))
      findings.add("lost", `${key} was never settled`);
    if (key.startsWith("message ") && !seen.has(`end of ${key}`)) findings.add("lost", `${key} was never settled`);
  }
}

function judgeInstruction(
  instruction: Instruction,
  log: readonly Frame[],
  agentsDied: boolean,
  findings: Findings,
): string {
  const { id, messageId, says } = instruction;
  const ofMessage = (type: string) => log.filter((frame) => frame.type === type && frame.data.messageId === messageId);
  const [human] = ofMessage("humanMessage");
  if (human === undefined) {
    findings.add("lost", `${id} was acknowledged and is not in the log`);
    return "lost";
  }
  if (human.data.content !== instruction.content) findings.add("wrong", `${id} has other words in the log`);
  const states = ofMessage("messageState").map((frame) => String(frame.data.state));
  const state = states.find(isTerminal) ?? "open";
  if (state !== "answered" && !(agentsDied && state === "failed"))
    findings.add("lost", `${id} ended as ${state} (${states.join(", ")})`);
  const said = log.flatMap((frame) => {
    const text = frame.type === "assistantMessage" ? textOf(frame.data) : undefined;
    return text !== undefined && idIn(text) === id ? [{ text, isPartial: frame.data.partial === true }] : [];
  });
  if (!instruction.alone) return state;
  said.forEach(({ text, isPartial }, i) => {
    const expected = says[i];
    const fits = isPartial ? expected?.startsWith(text) && state !== "answered" : expected === text;
    if (!fits)
      findings.add(says.includes(text) ? "outOfOrder" : "wrong", `${id} said at ${i}: ${JSON.stringify(text)}`);
  });
  if (state === "answered" && said.length !== says.length)
    findings.add("lost", `${id} is answered, and ${said.length} of ${says.length} parts are there`);
  return state;
}
