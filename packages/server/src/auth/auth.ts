import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Records, TokenRecord } from "../records/index.ts";

const ticketMs = 30_000;
const ticketsMax = 10_000;
/** When a token was last used is kept no finer than this: each request would be a write. */
const seenMs = 60_000;

/** Who is asking. */
export interface Principal {
  user: string;
  /** The token that proved it; `config` for AUTH_TOKEN. */
  tokenId: string;
}

/** Tokens, and the one-time tickets that stand in for them in URLs. */
export interface Auth {
  /** Who a token belongs to; undefined when it is unknown or revoked. */
  authenticate(token: string): Principal | undefined;
  /** A ticket for a WebSocket URL: 30 s, one use. */
  issueTicket(principal: Principal): { ticket: string; expiresInSeconds: number };
  /** Uses a ticket up. */
  redeemTicket(ticket: string): Principal | undefined;
  /** Makes a token. It is told once; only its hash is kept. */
  createToken(of: { user: string; name: string }): Promise<{ tokenId: string; token: string }>;
  /** Tokens of a user that are not revoked. */
  listTokens(user: string): Omit<TokenRecord, "hash">[];
  /** Another name for it. False when the user has no such token. */
  renameToken(user: string, tokenId: string, name: string): Promise<boolean>;
  /** False when the user has no such token. Its connections are closed. */
  revokeToken(user: string, tokenId: string): Promise<boolean>;
  /** Calls back when a token is revoked. @returns stops it */
  onRevoked(listener: (tokenId: string) => void): () => void;
}

/** Whoever has AUTH_TOKEN is this user. */
export const ownerUser = "owner";

/** @param options.authToken AUTH_TOKEN, or the token made for this run */
export async function createAuth(options: {
  authToken: string;
  records: Pick<Records, "tokens">;
  clock: Clock;
}): Promise<Auth> {
  const { records, clock } = options;
  const configured = hashOf(options.authToken);
  const tokens = new Map<string, TokenRecord>();
  for (const record of await records.tokens.list()) if (record.revokedAt === undefined) tokens.set(record.hash, record);
  const tickets = new Map<string, { principal: Principal; expiresAt: number }>();
  const listeners = new Set<(tokenId: string) => void>();

  const find = (user: string, tokenId: string) =>
    [...tokens.values()].find((token) => token.tokenId === tokenId && token.user === user);
  async function change(record: TokenRecord, what: Partial<TokenRecord>): Promise<void> {
    const changed = { ...record, ...what };
    tokens.set(record.hash, changed);
    await records.tokens.save(changed);
  }
  function see(record: TokenRecord): void {
    const now = clock.now();
    if (now - (record.lastSeenAt ?? 0) < seenMs) return;
    // When it is not kept, the next request keeps it.
    change(record, { lastSeenAt: now }).catch(() => tokens.set(record.hash, record));
  }
  const isAlive = (principal: Principal) =>
    principal.tokenId === "config" || [...tokens.values()].some((record) => record.tokenId === principal.tokenId);

  return {
    authenticate(token) {
      // Hashes have one length and reveal nothing about the token, however the comparison is timed.
      const hash = hashOf(token);
      if (timingSafeEqual(hash, configured)) return { user: ownerUser, tokenId: "config" };
      const record = tokens.get(hash.toString("hex"));
      if (record === undefined) return undefined;
      see(record);
      return { user: record.user, tokenId: record.tokenId };
    },
    issueTicket(principal) {
      const now = clock.monotonicMs();
      for (const [hash, { expiresAt }] of tickets)
        if (expiresAt <= now || tickets.size >= ticketsMax) tickets.delete(hash);
      const ticket = randomBytes(24).toString("base64url");
      tickets.set(hashOf(ticket).toString("hex"), { principal, expiresAt: now + ticketMs });
      return { ticket, expiresInSeconds: ticketMs / 1000 };
    },
    redeemTicket(ticket) {
      const hash = hashOf(ticket).toString("hex");
      const found = tickets.get(hash);
      tickets.delete(hash);
      if (found === undefined || found.expiresAt <= clock.monotonicMs() || !isAlive(found.principal)) return undefined;
      return found.principal;
    },
    async createToken({ user, name }) {
      const token = `cct_${randomBytes(32).toString("base64url")}`;
      const hash = hashOf(token).toString("hex");
      const record: TokenRecord = {
        tokenId: randomUUID(),
        user,
        name,
        hash,
        createdAt: clock.now(),
        lastSeenAt: undefined,
        revokedAt: undefined,
      };
      await records.tokens.save(record);
      tokens.set(hash, record);
      return { tokenId: record.tokenId, token };
    },
    listTokens: (user) =>
      [...tokens.values()].filter((record) => record.user === user).map(({ hash: _, ...rest }) => rest),
    async renameToken(user, tokenId, name) {
      const record = find(user, tokenId);
      if (record === undefined) return false;
      await change(record, { name });
      return true;
    },
    async revokeToken(user, tokenId) {
      const record = find(user, tokenId);
      if (record === undefined) return false;
      tokens.delete(record.hash);
      await records.tokens.save({ ...record, revokedAt: clock.now() });
      for (const listener of listeners) listener(tokenId);
      return true;
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();
