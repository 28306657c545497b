import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  forkSession,
  getSessionMessages,
  listSessions,
  type SDKMessage,
  type SDKSessionInfo,
} from "@anthropic-ai/claude-agent-sdk";
import { CompanionError } from "@claude-companion/protocol";
import { z } from "zod";
import { messageOf } from "../../message-of.ts";
import { parseJson } from "../../parse-json.ts";
import type { Conversations, PastEvent } from "../agent.ts";
import { transcriptOf, turnDiff } from "./file-history.ts";
import { createTranslator } from "./translate.ts";

/** What a CLI that runs writes of itself into its configuration's `sessions` folder. */
const Running = z.object({ pid: z.int(), sessionId: z.string(), entrypoint: z.string().optional() });

/** Claude's own history: conversations of every terminal, from the transcripts that the CLI keeps. */
export function createConversations(options: { configDirectory: string }): Conversations {
  async function running(): Promise<z.infer<typeof Running>[]> {
    const folder = join(options.configDirectory, "sessions");
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d+\.json$/.test(name));
    const found = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(folder, name), "utf8").catch(() => "");
        const parsed = Running.safeParse(parseJson(text));
        return parsed.success && isAlive(parsed.data.pid) ? [parsed.data] : [];
      }),
    );
    return found.flat();
  }
  return {
    async list() {
      const [known, busy] = await Promise.all([listSessions(), running()]);
      const runs = new Map(busy.map(({ sessionId, pid }) => [sessionId, pid]));
      return known.flatMap((info) => (info.cwd === undefined ? [] : [conversationOf(info, info.cwd, runs)]));
    },
    async read(conversationId) {
      const messages = await getSessionMessages(conversationId);
      const translator = createTranslator();
      return messages.flatMap((message) => {
        const said = message as typeof message & { timestamp?: string };
        const human = humanOf(said.uuid, said.type, said.message);
        const events = human ?? translator.translate(said as unknown as SDKMessage);
        return events.flatMap((event): PastEvent[] =>
          event.kind === "durable" ? [{ id: event.id, timestamp: said.timestamp, event: event.event }] : [],
        );
      });
    },
    async fork(conversationId, { upToMessageId, title }) {
      try {
        const forked = await forkSession(conversationId, {
          ...(upToMessageId === undefined ? {} : { upToMessageId }),
          ...(title === undefined ? {} : { title }),
        });
        return forked.sessionId;
      } catch (error) {
        throw new CompanionError("CONFLICT", `This conversation cannot be forked there: ${messageOf(error)}.`);
      }
    },
    turnDiff: (conversationId, messageId) =>
      turnDiff({ configDirectory: options.configDirectory, conversationId, messageId }),
    async elsewhere() {
      // Those that the SDK started are ours, or an earlier server's: we end them before we begin another.
      const others = (await running()).filter(({ entrypoint }) => entrypoint !== "sdk-ts");
      return new Map(others.map(({ sessionId, pid }) => [sessionId, pid]));
    },
    async changedAt(conversationId) {
      const path = await transcriptOf(options.configDirectory, conversationId);
      return path === undefined ? undefined : (await stat(path)).mtimeMs;
    },
  };
}

function conversationOf(info: SDKSessionInfo, cwd: string, runs: ReadonlyMap<string, number>) {
  const { sessionId, summary, lastModified, createdAt, gitBranch } = info;
  return {
    conversationId: sessionId,
    title: summary,
    workingDirectory: cwd,
    lastActivityAt: lastModified,
    createdAt: createdAt ?? lastModified,
    branch: gitBranch,
    running: runs.has(sessionId),
  };
}

/** What a person said, in the transcript's words. */
function humanOf(uuid: string, type: string, message: unknown) {
  const { content } = Object(message) as { content?: unknown };
  if (type !== "user") return undefined;
  const text =
    typeof content === "string"
      ? content
      : Array.isArray(content)
        ? content.flatMap((block) => (block.type === "text" ? [String(block.text)] : [])).join("\n")
        : "";
  if (text === "" || text.startsWith("[Request interrupted by user")) return undefined;
  const data = { messageId: uuid, content: text, queued: false };
  return [{ kind: "durable" as const, id: `message:${uuid}`, event: { type: "humanMessage" as const, data } }];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
