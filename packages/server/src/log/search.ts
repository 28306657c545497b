import type { DurableEvent } from "@claude-companion/protocol";

/** Finds what was said. */
export interface SearchIndex {
  /**
   * Events in which every word stands (the last one may be a beginning), the best first.
   * @param query.sessions where to look
   */
  search(query: {
    words: readonly string[];
    sessions: readonly string[];
    limit: number;
    offset: number;
  }): Promise<SearchHit[]>;
}

/** A place where it was said. */
export interface SearchHit {
  sessionId: string;
  seq: number;
  type: string;
  /** ISO 8601. */
  timestamp: string;
  /** The words around it. */
  text: string;
  /** Where in `text` the words stand: begin and end in UTF-16 code units. */
  highlights: [begin: number, end: number][];
}

/** What can be found of an event; empty: nothing. */
export function searchableText({ type, data }: { type: string; data: unknown }): string {
  if (type === "humanMessage") {
    const { content } = data as Extract<DurableEvent, { type: "humanMessage" }>["data"];
    return typeof content === "string" ? content : textOf(content);
  }
  if (type === "assistantMessage")
    return textOf((data as Extract<DurableEvent, { type: "assistantMessage" }>["data"]).content);
  return "";
}

const textOf = (blocks: readonly { type: string; text?: string }[]): string =>
  blocks.flatMap((block) => (block.type === "text" ? [block.text ?? ""] : [])).join("\n");

/** The words of what a person typed into a search field. */
export const wordsOf = (query: string): string[] => query.match(/[\p{L}\p{N}]+/gu) ?? [];
