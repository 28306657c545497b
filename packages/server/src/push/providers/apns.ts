import type { PushPayload } from "@claude-companion/protocol";
import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { parseJson } from "../../parse-json.ts";
import { fitting } from "../payload.ts";
import { type ApnsConnection, createApnsConnection } from "./apns-connection.ts";
import { type Notifier, type PushMessage, retryAfterMs, type SendResult, unreachable } from "./notifier.ts";

/** Apple: "Establishing a token-based connection to APNs": refresh no more than once every 20 minutes and no less than every 60. */
const tokenMs = 50 * 60_000;
const tokenMsMin = 20 * 60_000;
const payloadBytesMax = 4_096;
const origins = { production: "https://api.push.apple.com", sandbox: "https://api.sandbox.push.apple.com" };
/** Apple: "Handling notification responses from APNs": the reasons that say that a device token is no more. */
const deadReasons = new Set(["BadDeviceToken", "DeviceTokenNotForTopic", "Unregistered", "ExpiredToken"]);

/** A key for push notifications, from Apple's developer site. */
export interface ApnsKey {
  /** The .p8 file's text. */
  pem: string;
  keyId: string;
  teamId: string;
  /** The app's bundle id. */
  topic: string;
}

/**
 * Apple's push notifications over HTTP/2 with a token (docs/decisions/0018).
 * @param options.origin another address than Apple's, for a proxy; takes both environments
 */
export function createApns(options: {
  key: ApnsKey | undefined;
  origin: string | undefined;
  clock: Pick<Clock, "now">;
}): Notifier<"apns"> {
  const { clock, key } = options;
  const connections = new Map<string, ApnsConnection>();
  let token: { text: Promise<string>; madeAt: number } | undefined;

  function tokenOf({ pem, keyId, teamId }: ApnsKey): Promise<string> {
    const now = clock.now();
    if (token === undefined || now - token.madeAt > tokenMs || now < token.madeAt) {
      const text = importPKCS8(pem, "ES256").then((signer) =>
        new SignJWT()
          .setProtectedHeader({ alg: "ES256", kid: keyId })
          .setIssuer(teamId)
          .setIssuedAt(Math.floor(now / 1_000))
          .sign(signer),
      );
      token = { text, madeAt: now };
    }
    return token.text;
  }
  function connectionTo(origin: string): ApnsConnection {
    const known = connections.get(origin);
    if (known) return known;
    const made = createApnsConnection(origin);
    connections.set(origin, made);
    return made;
  }
  const originOf = (environment: "production" | "sandbox") => options.origin ?? origins[environment];

  return {
    platform: "apns",
    missing: key === undefined ? "Set APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID and APNS_TOPIC." : undefined,
    takesSilent: true,
    providerOf: ({ environment }) => originOf(environment),
    staleness: () => undefined,
    async send({ pushToken, environment, topic }, message, signal) {
      if (key === undefined) return { outcome: "refused", reason: "APNS_KEY is not set." };
      try {
        const headers = {
          authorization: `bearer ${await tokenOf(key)}`,
          ...headersOf(message, topic ?? key.topic),
        };
        const answer = await connectionTo(originOf(environment)).post(
          `/3/device/${pushToken}`,
          headers,
          bodyOf(message),
          signal,
        );
        const { status } = answer;
        const reason = Answer.safeParse(parseJson(answer.body)).data?.reason ?? `status ${status}`;
        if (reason === "ExpiredProviderToken" && token && clock.now() - token.madeAt > tokenMsMin) token = undefined;
        return resultOf(status, reason, retryAfterMs(text(answer.headers["retry-after"]), clock.now()));
      } catch (error) {
        return unreachable("Apple", error);
      }
    },
    close() {
      for (const connection of connections.values()) connection.close();
    },
  };
}

const Answer = z.object({ reason: z.string() });
const text = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header);

/** What a status and reason mean for the notification. */
export function resultOf(status: number, reason: string, waitMs: number | undefined): SendResult {
  if (status === 200) return { outcome: "delivered", text: "Apple took it" };
  if (status === 410 || deadReasons.has(reason)) return { outcome: "dead", reason: `Apple: ${reason}` };
  const retry = (isProviders: boolean): SendResult => ({
    outcome: "retry",
    reason: `Apple: ${reason}`,
    retryAfterMs: waitMs,
    isProviders,
  });
  // One device had too many; a key that Apple does not take concerns all of them, until somebody mends it.
  if (reason === "TooManyRequests") return retry(false);
  if (status === 403 || status === 429 || status >= 500) return retry(true);
  return { outcome: "refused", reason: `Apple: ${reason}` };
}

/** Apple: "Sending notification requests to APNs". */
function headersOf(message: PushMessage, topic: string): Record<string, string> {
  return {
    "apns-id": message.payload.notificationId,
    "apns-topic": topic,
    "apns-push-type": message.silent ? "background" : "alert",
    // 10: at once. 5: when the device finds it convenient; the only one that background messages may have.
    "apns-priority": message.silent ? "5" : "10",
    "apns-expiration": String(Math.floor(message.expiresAt / 1_000)),
    "apns-collapse-id": message.collapseId,
  };
}

/** Apple: "Generating a remote notification". */
function bodyOf({ payload, silent, urgent }: PushMessage): string {
  const encode = ({ title, body, waiting, ...companion }: PushPayload) =>
    JSON.stringify({
      aps: silent
        ? { "content-available": 1 }
        : {
            alert: { title, body },
            badge: waiting,
            sound: "default",
            category: companion.reason,
            "mutable-content": 1,
            ...(companion.sessionId === undefined ? {} : { "thread-id": companion.sessionId }),
            "interruption-level": urgent ? "time-sensitive" : "active",
          },
      companion,
    });
  return fitting(payload, { encode, bytesMax: payloadBytesMax });
}
