import type { Companion } from "@claude-companion/client";
import { useEffect, useState } from "react";
import { wordAt } from "./word-at.ts";

/** Something that could stand where the cursor is. */
export interface Completion {
  /** What is put in. */
  text: string;
  about: string;
}

/** What is being completed: from where to where, and with what. */
export interface Completing {
  readonly begin: number;
  readonly end: number;
  readonly choices: readonly Completion[];
}

const waitMs = 80;
const choicesMax = 8;

/** Commands of the agent after `/`, files of the project after `@`. */
export function useCompletion(house: {
  companion: Companion;
  sessionId: string;
  workingDirectory: string;
  text: string;
  cursor: number;
}): Completing | undefined {
  const { companion, sessionId, workingDirectory, text, cursor } = house;
  const [found, setFound] = useState<{ key: string; choices: readonly Completion[] }>();
  const at = wordAt(text, cursor);
  const key = at === undefined ? "" : `${at.sign}${at.word}`;
  useEffect(() => {
    if (key === "") return undefined;
    let isOver = false;
    const timer = setTimeout(async () => {
      const choices = await (key.startsWith("/")
        ? commandsFor(companion, sessionId, key.slice(1))
        : filesFor(companion, workingDirectory, key.slice(1))
      ).catch(() => []);
      if (!isOver) setFound({ key, choices });
    }, waitMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, companion, sessionId, workingDirectory]);
  if (at === undefined || found?.key !== key || found.choices.length === 0) return undefined;
  return { begin: at.begin, end: cursor, choices: found.choices };
}

async function commandsFor(companion: Companion, sessionId: string, word: string): Promise<Completion[]> {
  const { commands } = await companion.request("describeAgent", { sessionId });
  const asked = word.toLowerCase();
  return commands
    .filter(({ name, aliases }) => [name, ...aliases].some((one) => one.toLowerCase().includes(asked)))
    .sort((a, b) => Number(b.name.startsWith(asked)) - Number(a.name.startsWith(asked)))
    .slice(0, choicesMax)
    .map(({ name, description, argumentHint }) => ({
      text: `/${name} `,
      about: [argumentHint, description].filter(Boolean).join(" · "),
    }));
}

async function filesFor(companion: Companion, directory: string, query: string): Promise<Completion[]> {
  if (directory === "") return [];
  const { paths } = await companion.request("findFiles", { directory, query, limit: choicesMax });
  return paths.map((path) => ({ text: `@${path} `, about: "" }));
}
