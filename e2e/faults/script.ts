import { prompt, type Step, slowly } from "../kit/directive.ts";
import type { Random } from "./random.ts";

/** One instruction of a person, and every word that must come of it. */
export interface Instruction {
  /** Stands in all that is said because of it. */
  readonly id: string;
  readonly messageId: string;
  readonly sessionId: string;
  readonly content: string;
  /** What the model says, step by step. */
  readonly says: readonly string[];
  /** A command that needs permission writes the id into this file, once. */
  readonly tool: { command: string } | undefined;
  /** False: another one was sent while it was worked on. The CLI may make one turn of both; then only its fate is known. */
  alone: boolean;
}

const words = "a log is a queue and a queue is a log and nothing is lost while somebody writes it down".split(" ");
const paces = [5, 10, 20];

/** Makes up an instruction. */
export function makeInstruction(options: {
  random: Random;
  number: number;
  sessionId: string;
  messageId: string;
  effects: string;
}): Instruction {
  const { random, number, sessionId, messageId } = options;
  const id = `i${String(number).padStart(4, "0")}`;
  const say = (part: string) =>
    `${id}${part}: ${Array.from({ length: random.between(5, 60) }, () => random.pick(words)).join(" ")}.`;
  const tool = random.chance(0.4) ? { command: `echo ${id} >> ${options.effects}` } : undefined;
  const steps: Step[] =
    tool === undefined
      ? [{ say: say("a") }]
      : [{ say: say("a"), tools: [{ name: "Bash", input: { ...tool, description: "note it" } }] }, { say: say("b") }];
  const content = random.chance(0.2) ? prompt(...steps) : slowly(random.pick(paces), ...steps);
  return { id, messageId, sessionId, content, says: steps.map((step) => step.say ?? ""), tool, alone: true };
}

/** The id that a text begins with. */
export const idIn = (text: string): string | undefined => /^i\d{4}/.exec(text)?.[0];
