import type { FindingKind } from "./findings.ts";

/** A change to one file of the program as it is loaded. */
export interface Change {
  file: string;
  changes: readonly [before: string, after: string][];
}

/** The same program, as if it were the next version. */
export const nextVersion: Change = {
  file: "/server/src/version.ts",
  changes: [["return z.", 'return "99.0.0" || z.']],
};

/** A bug on purpose, and what it must be found as. */
export interface Plant extends Change {
  finding: FindingKind;
  /** Set: it shows when nothing else happens, within this time. */
  peaceMs?: number;
}

const sometimes = "Math.random() < 0.02";

/** A bug of each kind that the promise forbids. */
export const plants: Readonly<Record<string, Plant>> = {
  skipAnEvent: {
    file: "/gateway/socket/encoder.ts",
    changes: [
      [
        "export function encodeBatch(batch: Batch): Buffer {",
        `export function encodeBatch(batch: Batch): Buffer {
           if (batch.lastSeq !== undefined && ${sometimes}) return encodeFrames(batch.frames.slice(1));`,
      ],
    ],
    finding: "lost",
  },
  sendAnEventTwice: {
    file: "/gateway/socket/encoder.ts",
    changes: [
      [
        "export function encodeBatch(batch: Batch): Buffer {",
        `export function encodeBatch(batch: Batch): Buffer {
           if (batch.lastSeq !== undefined && ${sometimes}) return encodeFrames([...batch.frames, ...batch.frames.slice(-1)]);`,
      ],
    ],
    finding: "twice",
  },
  forgetAnAcknowledgement: {
    file: "/gateway/socket/connection.ts",
    changes: [
      [
        "const acknowledge = (requestId: string, data: object) =>",
        `const acknowledge = (requestId: string, data: object) => Math.random() < 0.1 ? undefined :`,
      ],
    ],
    finding: "unanswered",
    peaceMs: 30_000,
  },
  acknowledgeAMessageBeforeStoringIt: {
    file: "/sessions/journal.ts",
    changes: [
      [
        "commit: (commit) =>",
        `commit: async (commit) => {
           setTimeout(() => enqueue({ commit, asker: undefined }), 1_000);
           return commit.events.map((_, i) => ({ seq: lastSeq + 1 + i, isNew: true }));
         },
         unused: (commit: Commit) =>`,
      ],
    ],
    finding: "lost",
  },
  acknowledgeTheAgentBeforeStoringWhatItSaid: {
    file: "/sessions/journal.ts",
    changes: [
      ["mark(onStored) {", "mark(onStored) { return onStored();"],
      [
        "working ??= afterThisTurn().then(work);",
        "working ??= new Promise((resolve) => setTimeout(resolve, 700)).then(work);",
      ],
    ],
    finding: "lost",
  },
};
