import { CompanionError } from "@claude-companion/protocol";
import type { AgentProvider, Conversation } from "../agents/index.ts";
import type { EventLog } from "../log/index.ts";
import type { Directories } from "../projects/index.ts";
import type { SessionRecord } from "../records/index.ts";
import { markdownOf } from "./export.ts";
import { type HistoryItem, readHistory } from "./history.ts";

/** Large: each page of what has left the log reads the whole transcript. */
const exportPageItems = 10_000;
const exportCharactersMax = 64 * 1024 * 1024;

/** What the agents themselves remember, and what was said in a session from its beginning. */
export interface Remembered {
  /** Conversations in the allowed directories, those last used first. */
  list(): Promise<(Conversation & { agent: string })[]>;
  /** A conversation, and how many events it has. @throws CompanionError `NOT_FOUND` when the agent has no such conversation in this directory */
  recall(
    provider: Pick<AgentProvider, "name" | "conversations">,
    conversationId: string,
    workingDirectory: string,
  ): Promise<Conversation & { events: number }>;
  /** A page of the whole conversation, back from `before`. */
  history(
    record: SessionRecord,
    from: { before: string | undefined; limit: number },
  ): Promise<{ items: HistoryItem[]; next: string | undefined }>;
  /** What changed in a turn. @throws CompanionError `NOT_FOUND` when the agent kept nothing at this message */
  turnDiff(record: SessionRecord, messageId: string): Promise<{ files: string[]; diff: string }>;
  /**
   * The whole conversation as one text.
   * @throws CompanionError `PAYLOAD_TOO_LARGE`
   */
  export(record: SessionRecord, format: "markdown" | "json"): Promise<string>;
}

/** The agent's conversation of a session, once there is one. */
export const conversationOf = ({ conversationId, conversationStarted, sessionId }: SessionRecord): string | undefined =>
  conversationId ?? (conversationStarted ? sessionId : undefined);

export function createRemembered(options: {
  log: Pick<EventLog, "head" | "read">;
  providers: ReadonlyMap<string, AgentProvider>;
  directories: Pick<Directories, "resolve">;
}): Remembered {
  const { log, providers, directories } = options;
  const remembered: Remembered = {
    async list() {
      const listed = await Promise.all(
        [...providers.values()].map(async ({ id, conversations }) =>
          ((await conversations?.list()) ?? []).map((conversation) => ({ ...conversation, agent: id })),
        ),
      );
      const allowed = await Promise.all(
        listed.flat().map(async (conversation) => {
          const directory = await directories.resolve(conversation.workingDirectory).catch(() => undefined);
          return directory === undefined ? [] : [conversation];
        }),
      );
      return allowed.flat().sort((a, b) => b.lastActivityAt - a.lastActivityAt);
    },
    async recall(provider, conversationId, workingDirectory) {
      const all = (await provider.conversations?.list()) ?? [];
      const found = all.find((conversation) => conversation.conversationId === conversationId);
      if (found === undefined)
        throw new CompanionError(
          "NOT_FOUND",
          `${provider.name} has no conversation ${conversationId}. List them with GET /api/conversations.`,
        );
      const directory = await directories.resolve(found.workingDirectory);
      const said = (await provider.conversations?.read(conversationId)) ?? [];
      if (directory === workingDirectory) return { ...found, events: said.length };
      throw new CompanionError(
        "NOT_FOUND",
        `This conversation belongs to ${directory}: name that as workingDirectory.`,
      );
    },
    history(record, from) {
      const conversations = providers.get(record.agent)?.conversations;
      const { sessionId } = record;
      return readHistory({ log, conversations }, { sessionId, conversationId: conversationOf(record) }, from);
    },
    async turnDiff(record, messageId) {
      const conversationId = conversationOf(record);
      const { conversations } = providers.get(record.agent) ?? {};
      const diff = conversationId && (await conversations?.turnDiff(conversationId, messageId));
      if (diff) return diff;
      throw new CompanionError(
        "NOT_FOUND",
        "The agent kept no copies of files at this message. Git knows more: getGitDiff.",
      );
    },
    async export(record, format) {
      const pages: HistoryItem[][] = [];
      let characters = 0;
      let before: string | undefined;
      do {
        const page = await remembered.history(record, { before, limit: exportPageItems });
        pages.unshift(page.items);
        characters += JSON.stringify(page.items).length;
        if (characters > exportCharactersMax)
          throw new CompanionError(
            "PAYLOAD_TOO_LARGE",
            "This conversation is too long for one text. Page through its history.",
          );
        before = page.next;
      } while (before !== undefined);
      const items = pages.flat();
      return format === "json" ? JSON.stringify(items, null, 2) : markdownOf(record.title, items);
    },
  };
  return remembered;
}
