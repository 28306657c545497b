import type { PushPayload, PushPlatform } from "@claude-companion/protocol";
import type { PushAddress } from "../../records/index.ts";

/** What is sent, on every platform. */
export interface PushMessage {
  payload: PushPayload;
  /** Somebody is waited for. */
  urgent: boolean;
  /** Shows nothing, only tells the app to take a prompt away that was answered. */
  silent: boolean;
  /** A newer message with the same takes the older one's place on the device. Base64url, at most 32 characters. */
  collapseId: string;
  /** Of no more use after this (ms since 1970). */
  expiresAt: number;
  /** Of the request that it comes from. */
  correlationId: string | undefined;
}

/**
 * What a provider said. `retry`: perhaps later; `isProviders`: the provider itself is in trouble, or does not take our
 * key, so that others will not get through either. `dead`: the address is no more. `refused`: never, as it is.
 */
export type SendResult =
  | { outcome: "delivered"; text: string }
  | { outcome: "retry"; reason: string; retryAfterMs: number | undefined; isProviders: boolean }
  | { outcome: "dead"; reason: string }
  | { outcome: "refused"; reason: string };

/** One platform. */
export interface Notifier<P extends PushPlatform = PushPlatform> {
  readonly platform: P;
  /** What to set before it can be used; undefined: it can. */
  readonly missing: string | undefined;
  /** Whether a silent message reaches an app. */
  readonly takesSilent: boolean;
  /** Who stands behind an address, to be left alone when in trouble. */
  providerOf(address: Extract<PushAddress, { platform: P }>): string;
  /** Why an address can be no good any more; undefined: it may be. */
  staleness(address: Extract<PushAddress, { platform: P }>): string | undefined;
  /** Never throws for what a provider says or does. */
  send(address: Extract<PushAddress, { platform: P }>, message: PushMessage, signal: AbortSignal): Promise<SendResult>;
  close(): void;
}

/** Milliseconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date), at most a day. */
export function retryAfterMs(header: string | null | undefined, now: number): number | undefined {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 86_400_000) : undefined;
}

/** A connection that failed, as a result. */
export const unreachable = (who: string, error: unknown): SendResult => ({
  outcome: "retry",
  reason: `${who} could not be reached: ${reasonOf(error)}`,
  retryAfterMs: undefined,
  isProviders: true,
});

/** The reason that stands deepest: `fetch failed` alone says nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
