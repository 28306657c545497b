import { CompanionError } from "@claude-companion/protocol";
import { type GitRunner, ifTree } from "./git-runner.ts";

/** A line that was found. */
export interface SearchHit {
  path: string;
  /** From 1. */
  line: number;
  text: string;
}

const perFileMax = 50;
const textMax = 500;

/**
 * Lines below a directory that hold a text, by git, which is there anyway: in a working tree without what it ignores, elsewhere
 * in all files. Binary files are left out, links are not followed.
 * @throws CompanionError `INVALID_REQUEST` for an expression that is none
 */
export async function searchFiles(
  git: GitRunner,
  directory: string,
  wanted: { query: string; regex: boolean; caseSensitive: boolean; limit: number },
): Promise<{ hits: SearchHit[]; truncated: boolean }> {
  const grep = (where: "--untracked" | "--no-index") =>
    git(
      directory,
      [
        ...["grep", "-I", "-n", "-z", "--no-color", `--max-count=${perFileMax}`, where, "--exclude-standard"],
        wanted.regex ? "--extended-regexp" : "--fixed-strings",
        ...(wanted.caseSensitive ? [] : ["--ignore-case"]),
        ...["-e", wanted.query, "--", "."],
      ],
      // Nothing was found.
      { fine: [1] },
    ).catch((error: unknown) => {
      if (wanted.regex && error instanceof CompanionError && error.code === "CONFLICT")
        throw new CompanionError(
          "INVALID_REQUEST",
          `${JSON.stringify(wanted.query)} is no extended regular expression.`,
        );
      throw error;
    });
  const output = (await ifTree(grep("--untracked"))) ?? (await grep("--no-index"));
  const lines = output.split("\n").filter((line) => line.includes("\0"));
  const hits = lines.slice(0, wanted.limit).map((entry) => {
    const [path = "", line = "", ...text] = entry.split("\0");
    return { path, line: Number(line), text: text.join("").slice(0, textMax) };
  });
  return { hits, truncated: lines.length > hits.length };
}
