import { constants } from "node:fs";
import { type FileHandle, lstat, open, opendir, readlink, realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import { type Directories, isWithin } from "./directories.ts";

/** An entry of a directory. */
export interface FileEntry {
  name: string;
  /** `link` leads somewhere: what it leads to is checked when it is read. */
  type: "file" | "directory" | "link" | "other";
  size: number;
  /** Milliseconds since 1970. */
  modifiedAt: number;
}

/** A part of a file. */
export interface FilePart {
  bytes: Buffer;
  /** Of the whole file. */
  size: number;
  modifiedAt: number;
}

/** Reads what lies in projects, and nothing else. Paths are relative to a directory within the allowed roots. */
export interface Files {
  /** @throws CompanionError `DIRECTORY_NOT_ALLOWED`, `NOT_FOUND` */
  list(directory: string, path: string, limit: number): Promise<{ entries: FileEntry[]; truncated: boolean }>;
  /** @throws CompanionError `DIRECTORY_NOT_ALLOWED`, `NOT_FOUND` */
  read(directory: string, path: string, part: { offset: number; length: number }): Promise<FilePart>;
}

/** The kernel's own word for what an open file is; where there is none, the path is looked at again. */
const descriptors = "/proc/self/fd";

export function createFiles(options: { directories: Directories }): Files {
  const { directories } = options;

  /**
   * Opens first and asks then what was opened: whatever is renamed or linked meanwhile, what is read is what was checked.
   * @param flags how; never through a last link that was put there meanwhile
   */
  async function openWithin(
    directory: string,
    path: string,
    flags: number,
  ): Promise<{ handle: FileHandle; real: string }> {
    const base = await directories.resolve(directory);
    const wanted = join(base, relativePath(path));
    const real = await realpath(wanted).catch((error: unknown) => {
      throw notFound(path, error);
    });
    refuseOutside(real, path);
    const handle = await open(real, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
      throw notFound(path, error);
    });
    try {
      refuseOutside(await pathOf(handle, real), path);
      return { handle, real };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
  function refuseOutside(real: string, path: string): void {
    if (directories.roots.some((root) => isWithin(root, real))) return;
    throw notAllowed(`${JSON.stringify(path)} leads outside the allowed roots (${directories.roots.join(", ")}).`);
  }

  return {
    async list(directory, path, limit) {
      const { handle, real } = await openWithin(directory, path, constants.O_RDONLY | constants.O_DIRECTORY);
      await using _closing = handle;
      const entries: FileEntry[] = [];
      const place = process.platform === "linux" ? `${descriptors}/${handle.fd}` : real;
      const names: string[] = [];
      for await (const { name } of await opendir(place)) if (name !== ".git") names.push(name);
      names.sort((a, b) => (a < b ? -1 : 1));
      for (const name of names.slice(0, limit)) {
        const found = await lstat(join(place, name)).catch(() => undefined);
        if (found === undefined) continue;
        const type = found.isFile()
          ? "file"
          : found.isDirectory()
            ? "directory"
            : found.isSymbolicLink()
              ? "link"
              : "other";
        entries.push({ name, type, size: found.size, modifiedAt: Math.floor(found.mtimeMs) });
      }
      return { entries, truncated: names.length > limit };
    },
    async read(directory, path, { offset, length }) {
      const { handle } = await openWithin(directory, path, constants.O_RDONLY);
      await using _closing = handle;
      const found = await handle.stat();
      if (!found.isFile()) throw new CompanionError("NOT_FOUND", `${JSON.stringify(path)} is no file.`);
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, found.size - offset)));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
      return { bytes: bytes.subarray(0, bytesRead), size: found.size, modifiedAt: Math.floor(found.mtimeMs) };
    },
  };
}

/**
 * A path below a directory, as clients write it: with slashes, without steps up.
 * @throws CompanionError `DIRECTORY_NOT_ALLOWED`
 */
export function relativePath(path: string): string {
  const parts = path.split(/[/\\]/);
  const isOdd =
    path.includes("\0") || (sep === "/" && path.includes("\\")) || isAbsolute(path) || /^[A-Za-z]:/.test(path);
  if (isOdd || path.startsWith("~") || parts.includes(".."))
    throw notAllowed(
      `${JSON.stringify(path)} is not a path within the project. Write it relative to its directory, with slashes.`,
    );
  if (parts.some((part) => part.toLowerCase() === ".git")) throw notAllowed("The inside of .git is not shown.");
  return parts.filter((part) => part !== "" && part !== ".").join(sep);
}

async function pathOf(handle: FileHandle, real: string): Promise<string> {
  if (process.platform === "linux") return readlink(`${descriptors}/${handle.fd}`);
  const [now, opened, there] = await Promise.all([realpath(real), handle.stat(), lstat(real)]);
  if (opened.ino !== there.ino || opened.dev !== there.dev)
    throw notAllowed("The file was replaced while it was opened. Try again.");
  return now;
}

function notFound(path: string, error: unknown): CompanionError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const what =
    code === "ENOENT" || code === "ENOTDIR" ? "does not exist, or is no directory" : `cannot be read (${code})`;
  return new CompanionError("NOT_FOUND", `${JSON.stringify(path)} ${what}.`);
}

const notAllowed = (message: string) => new CompanionError("DIRECTORY_NOT_ALLOWED", message);
