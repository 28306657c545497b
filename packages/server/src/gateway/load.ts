import { getHeapStatistics } from "node:v8";
import { CompanionError } from "@claude-companion/protocol";
import type { Clock } from "../clock.ts";

/** How much is going on. At a limit what is new is refused, and what runs goes on. */
export interface Load {
  /** Why nothing new is taken now; undefined: it is. */
  refusal(): string | undefined;
  /**
   * Runs a command among the others.
   * @throws CompanionError `OVERLOADED`: it was not begun
   */
  run<T>(command: () => Promise<T>): Promise<T>;
  /** What one connection may have waiting to be sent: little when all of them together have much. */
  readonly bufferBytesMax: number;
  /** What all connections have waiting, now and then. */
  observe(bufferedBytes: number): void;
}

/** More of the heap in use than this is too much. */
export const heapShareMax = 0.9;
const lookEveryMs = 250;
const buffer = { standard: 64 * 1024, scarce: 4 * 1024 };
const retryAfterSeconds = 2;

/** @param options.commandsMax commands that may run at once, of all clients */
export function createLoad(options: {
  commandsMax: number;
  bufferedBytesMax: number;
  clock: Pick<Clock, "monotonicMs">;
  /** Share of the heap in use, 0 to 1. */
  heapShare?: () => number;
}): Load {
  const heapShare = options.heapShare ?? (() => heapInUse().share);
  let commands = 0;
  let isScarce = false;
  let looked = { at: Number.NEGATIVE_INFINITY, share: 0 };

  function share(): number {
    const now = options.clock.monotonicMs();
    if (now - looked.at > lookEveryMs) looked = { at: now, share: heapShare() };
    return looked.share;
  }
  const load: Load = {
    get bufferBytesMax() {
      return isScarce ? buffer.scarce : buffer.standard;
    },
    observe(bufferedBytes) {
      isScarce = bufferedBytes > options.bufferedBytesMax;
    },
    refusal() {
      if (commands >= options.commandsMax) return `${commands} commands are being worked on`;
      return share() > heapShareMax ? "its memory is nearly full" : undefined;
    },
    async run(command) {
      const refusal = load.refusal();
      if (refusal !== undefined)
        throw new CompanionError("OVERLOADED", `The server takes nothing new: ${refusal}. Try again in a moment.`, {
          retryAfterSeconds,
        });
      commands += 1;
      try {
        return await command();
      } finally {
        commands -= 1;
      }
    },
  };
  return load;
}

/** How full the heap is, and the most that it may hold. */
export function heapInUse(): { share: number; limitBytes: number } {
  const { used_heap_size: used, heap_size_limit: limitBytes } = getHeapStatistics();
  return { share: used / limitBytes, limitBytes };
}
