import type { Storage } from "./storage.ts";

const store = "entries";

/**
 * A storage in the browser's IndexedDB: unsent messages and positions survive a closed tab.
 * @param name of the database; one per server and user
 * @throws DOMException when the browser refuses (private windows of some browsers)
 */
export async function openIndexedDb(name: string): Promise<Storage> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(store);
  const database = await result(opening);
  // Another tab with a newer version of the app must not wait for us.
  database.onversionchange = () => database.close();

  async function write(change: (entries: IDBObjectStore) => void): Promise<void> {
    const transaction = database.transaction(store, "readwrite");
    change(transaction.objectStore(store));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }
  const entries = () => database.transaction(store).objectStore(store);
  return {
    get: (key) => result<unknown>(entries().get(key)),
    set: (key, value) => write((into) => void into.put(value, key)),
    remove: (key) => write((from) => void from.delete(key)),
    async list(prefix) {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const from = entries();
      const [keys, values] = await Promise.all([result(from.getAllKeys(range)), result<unknown[]>(from.getAll(range))]);
      return keys.map((key, i) => ({ key: String(key), value: values[i] }));
    },
  };
}

/** What a request of IndexedDB brings. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
