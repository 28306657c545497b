import { createHash, randomBytes } from "node:crypto";
import { CompanionError } from "@claude-companion/protocol";
import type { Clock } from "../clock.ts";
import type { ActionTokenRecord, PushTargetRecord, Records } from "../records/index.ts";

/**
 * Acting from the lock screen without login: a token that does one thing, once, for one device, session and permission.
 */
export interface ActionTokens {
  /** @returns the token, which is kept nowhere */
  issue(
    target: PushTargetRecord,
    right: { sessionId: string; permissionId: string | undefined; expiresAt: number },
  ): Promise<string>;
  /**
   * Does `act` with the right that a token gives. What fails, but for what was answered before, can be tried again.
   * @throws CompanionError `AUTHENTICATION_REQUIRED` (unknown or expired), `ALREADY_RESOLVED` (used)
   */
  use<T>(token: string, act: (right: ActionTokenRecord) => Promise<T>): Promise<T>;
  /** Forgets those that can do nothing any more. */
  expire(): Promise<void>;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

export function createActionTokens(options: {
  records: Pick<Records, "actionTokens">;
  targetExists: (targetId: string) => boolean;
  clock: Pick<Clock, "now">;
}): ActionTokens {
  const { clock } = options;
  const { actionTokens } = options.records;
  const inUse = new Set<string>();
  const used = () =>
    new CompanionError("ALREADY_RESOLVED", "This button was pressed before. Open the session to see what came of it.");
  return {
    async issue({ user, targetId, deviceId, name }, right) {
      const token = randomBytes(32).toString("base64url");
      const record = { hash: hashOf(token), user, targetId, deviceId, deviceName: name, ...right, usedAt: undefined };
      await actionTokens.save(record);
      return token;
    },
    async use(token, act) {
      const hash = hashOf(token);
      if (inUse.has(hash)) throw used();
      // Taken before anything is waited for: of two presses at once one finds this.
      inUse.add(hash);
      try {
        const right = await actionTokens.find(hash);
        if (right?.usedAt !== undefined) throw used();
        if (right === undefined || right.expiresAt <= clock.now() || !options.targetExists(right.targetId))
          throw new CompanionError(
            "AUTHENTICATION_REQUIRED",
            "This button is too old, or its device is no longer registered. Open the app to answer.",
          );
        // Done first, marked second: after a crash in between it can be pressed again, and what it does counts once by itself.
        const done = await act(right);
        await actionTokens.save({ ...right, usedAt: clock.now() });
        return done;
      } finally {
        inUse.delete(hash);
      }
    },
    async expire() {
      for (const { hash, expiresAt } of await actionTokens.list())
        if (expiresAt <= clock.now()) await actionTokens.remove(hash);
    },
  };
}
