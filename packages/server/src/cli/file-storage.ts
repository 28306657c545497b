import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Storage } from "@claude-companion/client";

/** A client's storage in one small file: read once, written whole and swapped in, so that a crash leaves the old one. */
export function createFileStorage(path: string): Storage {
  let loading: Promise<Map<string, unknown>> | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function load(): Promise<Map<string, unknown>> {
    const text = await readFile(path, "utf8").catch(() => "{}");
    try {
      return new Map(Object.entries(JSON.parse(text) as object));
    } catch {
      return new Map(); // Torn by somebody else: positions are known to the server as well.
    }
  }
  const entries = () => {
    loading ??= load();
    return loading;
  };
  async function save(): Promise<void> {
    const all = await entries();
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.${process.pid}`, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 });
    await rename(`${path}.${process.pid}`, path);
  }
  function saveSoon(): Promise<void> {
    writing = writing.catch(() => {}).then(save);
    return writing;
  }
  return {
    get: async (key) => (await entries()).get(key),
    async set(key, value) {
      (await entries()).set(key, value);
      await saveSoon();
    },
    async remove(key) {
      (await entries()).delete(key);
      await saveSoon();
    },
    async list(prefix) {
      const found = [...(await entries())].filter(([key]) => key.startsWith(prefix));
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
    },
  };
}
