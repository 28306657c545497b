import type { Storage } from "@claude-companion/client";
import { openStorage, readToken, tokenKey } from "./account-storage.ts";

/** What lets this device in, and where it keeps what must outlive a closed page. */
export interface Account {
  readonly storage: Storage;
  token(): Promise<string | undefined>;
  /** Uses a code up, or takes a token as it is. @throws Error with what to do */
  enter(given: { code: string } | { token: string }): Promise<void>;
  leave(): Promise<void>;
}

export async function openAccount(): Promise<Account> {
  const storage = await openStorage();
  return {
    storage,
    token: () => readToken(storage),
    async enter(given) {
      const token = "token" in given ? given.token : await redeem(given.code);
      const answer = await fetch("/api/telemetry/log-level", { headers: { authorization: `Bearer ${token}` } });
      if (answer.status === 401) throw new Error("This token is not valid, or it was taken back.");
      if (!answer.ok) throw new Error("The server does not answer as it should. Try again in a moment.");
      await storage.set(tokenKey, token);
    },
    leave: () => storage.remove(tokenKey),
  };
}

async function redeem(code: string): Promise<string> {
  const answer = await fetch("/api/pairing/redeem", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, name: deviceName() }),
  });
  const body: { token?: string; detail?: string } = await answer.json();
  if (body.token === undefined) throw new Error(body.detail ?? "The code was not taken.");
  return body.token;
}

/** For people: "Safari on iPhone". */
export function deviceName(): string {
  const { userAgent } = navigator;
  const system = /iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(userAgent)?.[0] ?? "a device";
  const program = /Firefox|Edg|Chrome|Safari/.exec(userAgent)?.[0] ?? "Browser";
  return `${program === "Edg" ? "Edge" : program} on ${system === "Macintosh" ? "Mac" : system}`;
}

/**
 * What stands behind `#` or `?` of the address that somebody opened; it is taken out of it at once, so that it stays in
 * no history.
 */
export function takeInvitation(): { code: string } | { token: string } | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get("pair");
  const token = new URLSearchParams(location.search).get("token");
  if (code === null && token === null) return undefined;
  history.replaceState(null, "", location.pathname);
  return code === null ? { token: token ?? "" } : { code };
}
