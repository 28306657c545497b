import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";

const filesMax = 50_000;
const skipped = new Set([".git", "node_modules", ".venv", "target", "dist", "build"]);

/** Files below a directory that no git knows of, bounded. Links are not followed. @returns relative paths, near ones first */
export async function walkFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  const row = [directory];
  for (let at = 0; at < row.length && found.length < filesMax; at++) {
    const place = row[at] ?? directory;
    for (const entry of await readdir(place, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && !skipped.has(entry.name)) row.push(join(place, entry.name));
      else if (entry.isFile()) found.push(relative(directory, join(place, entry.name)).split(sep).join("/"));
    }
  }
  return found;
}

/**
 * Paths that hold the letters of `query` in their order. Those that hold it in one piece come first, in their name before in
 * their folders, short ones before long ones.
 */
export function nearest(paths: readonly string[], query: string, limit: number): string[] {
  const wanted = query.toLowerCase();
  const rated = paths.flatMap((path) => {
    const distance = distanceOf(path.toLowerCase(), wanted);
    return distance === undefined ? [] : [{ path, distance }];
  });
  rated.sort((a, b) => a.distance - b.distance || a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
  return rated.slice(0, limit).map(({ path }) => path);
}

function distanceOf(path: string, wanted: string): number | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(wanted)) return 0;
  if (name.includes(wanted)) return 1;
  if (path.includes(wanted)) return 2;
  let at = -1;
  for (const letter of wanted) {
    at = path.indexOf(letter, at + 1);
    if (at === -1) return undefined;
  }
  return 3;
}
