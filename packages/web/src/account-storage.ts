import { openIndexedDb, type Storage } from "@claude-companion/client";

/** Where this device keeps what must outlive a closed page; the page and the service worker share it. */
export const openStorage = (): Promise<Storage> => openIndexedDb("companion");

/** Under this name the device's token is kept. */
export const tokenKey = "account/token";

/** The device's token; undefined: it has none. */
export async function readToken(storage?: Storage): Promise<string | undefined> {
  const token = await (storage ?? (await openStorage())).get(tokenKey);
  return typeof token === "string" ? token : undefined;
}
