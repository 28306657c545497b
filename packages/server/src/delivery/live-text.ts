import type { StreamData } from "@claude-companion/protocol";
import type { z } from "zod";
import type { Batch } from "./batch.ts";

type Delta = Omit<z.infer<typeof StreamData>, "offset">;

/** How far one subscription has come in each open block. */
export type LiveOffsets = Map<Block, number>;

interface Block {
  readonly delta: Omit<Delta, "text">;
  text: string;
  /** Which durable event each stretch of the text came after: text never overtakes an event that was made before it. */
  readonly stretches: { afterSeq: number; start: number }[];
  /** The frame that was built last; those who stand at the same place share it. */
  shared: { from: number; to: number; batch: Batch } | undefined;
}

/** The text of the blocks that a session's agent is writing right now. Memory for a slow client: one number a block. */
export interface LiveText {
  /** @param afterSeq the newest event that was stored before this text was made */
  append(delta: Delta, afterSeq: number): void;
  /** A stored event has replaced this block, and earlier blocks of its message that got no event of their own. */
  close(messageId: string, blockIndex: number): void;
  /** The turn is over: what was not replaced is withdrawn (a stream that broke and was begun anew). */
  clear(): void;
  /** Takes the blocks as they are, for whoever must store what the agent can no longer finish. */
  takeAll(): { delta: Omit<Delta, "text">; text: string }[];
  /** What a subscription at `position` has not had yet: a batch a block. Moves `offsets` forward. */
  take(position: number, offsets: LiveOffsets): Batch[];
  readonly isEmpty: boolean;
}

/** @param options.now ISO time of a frame */
export function createLiveText(options: { sessionId: string; now: () => string }): LiveText {
  const blocks = new Map<string, Block>();
  const keyOf = (messageId: string, blockIndex: number) => `${messageId}/${blockIndex}`;

  function batchOf(block: Block, from: number, to: number): Batch {
    if (block.shared?.from === from && block.shared.to === to) return block.shared.batch;
    const data: z.infer<typeof StreamData> = { ...block.delta, offset: from, text: block.text.slice(from, to) };
    const frame = `{"type":"streamData","sessionId":"${options.sessionId}","timestamp":"${options.now()}","data":${JSON.stringify(data)}}`;
    const batch = { frames: [frame], lastSeq: undefined, bytes: undefined };
    block.shared = { from, to, batch };
    return batch;
  }

  return {
    get isEmpty() {
      return blocks.size === 0;
    },
    append({ text, ...delta }, afterSeq) {
      const key = keyOf(delta.messageId, delta.blockIndex);
      const block = blocks.get(key) ?? { delta, text: "", stretches: [], shared: undefined };
      if (!blocks.has(key)) blocks.set(key, block);
      if (block.stretches.at(-1)?.afterSeq !== afterSeq) block.stretches.push({ afterSeq, start: block.text.length });
      block.text += text;
    },
    close(messageId, blockIndex) {
      blocks.delete(keyOf(messageId, blockIndex));
    },
    clear() {
      // Sub-agents may go on writing after the turn of the main one.
      for (const [key, block] of blocks) if (block.delta.parentToolUseId === undefined) blocks.delete(key);
    },
    takeAll() {
      const all = [...blocks.values()].map(({ delta, text }) => ({ delta, text }));
      blocks.clear();
      return all;
    },
    take(position, offsets) {
      if (blocks.size === 0) {
        if (offsets.size > 0) offsets.clear();
        return [];
      }
      const batches: Batch[] = [];
      for (const block of blocks.values()) {
        const from = offsets.get(block) ?? 0;
        const to = block.stretches.find((stretch) => stretch.afterSeq > position)?.start ?? block.text.length;
        if (to <= from) continue;
        offsets.set(block, to);
        batches.push(batchOf(block, from, to));
      }
      return batches;
    },
  };
}
