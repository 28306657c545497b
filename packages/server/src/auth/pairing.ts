import { randomInt } from "node:crypto";
import { CompanionError } from "@claude-companion/protocol";
import type { Clock } from "../clock.ts";
import type { Auth } from "./auth.ts";

const codeMs = 120_000;
const codesMax = 100;
/** Wrong codes that may be tried in the life of one code; then all codes are void. */
const guessesMax = 20;
/** Without those that look like others. */
const alphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const codeLength = 8;

/** Makes a device known by a code that is shown, not by a token that is copied. */
export interface Pairing {
  /** A code: two minutes, one use. */
  begin(user: string): { code: string; expiresInSeconds: number };
  /**
   * Uses a code up.
   * @throws CompanionError `AUTHENTICATION_REQUIRED` for one that is wrong, old or used
   */
  redeem(code: string, device: { name: string }): Promise<{ tokenId: string; token: string }>;
}

export function createPairing(options: {
  auth: Pick<Auth, "createToken">;
  clock: Pick<Clock, "monotonicMs">;
}): Pairing {
  const { auth, clock } = options;
  const codes = new Map<string, { user: string; expiresAt: number }>();
  let guesses = 0;

  function forgetOld(): void {
    const now = clock.monotonicMs();
    for (const [code, { expiresAt }] of codes) if (expiresAt <= now) codes.delete(code);
    if (codes.size === 0) guesses = 0;
  }
  return {
    begin(user) {
      forgetOld();
      const [oldest] = codes.keys();
      if (codes.size >= codesMax && oldest !== undefined) codes.delete(oldest);
      const code = Array.from({ length: codeLength }, () => alphabet[randomInt(alphabet.length)]).join("");
      codes.set(code, { user, expiresAt: clock.monotonicMs() + codeMs });
      return { code, expiresInSeconds: codeMs / 1_000 };
    },
    async redeem(given, { name }) {
      forgetOld();
      const code = given.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
      const found = codes.get(code);
      if (found === undefined) {
        guesses += 1;
        // 31^8 codes cannot be guessed in twenty attempts; whoever tries gets no more.
        if (guesses >= guessesMax) codes.clear();
        throw new CompanionError(
          "AUTHENTICATION_REQUIRED",
          "This code is wrong, was used, or is older than two minutes. Get a new one with `claude-companion pair`.",
        );
      }
      codes.delete(code);
      return auth.createToken({ user: found.user, name });
    },
  };
}
