import type { PushPayload } from "@claude-companion/protocol";
import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { parseJson } from "../../parse-json.ts";
import { fitting } from "../payload.ts";
import { type Notifier, type PushMessage, retryAfterMs, type SendResult, unreachable } from "./notifier.ts";

/** Firebase: "FCM data messages: payload limit 4096 bytes"; the envelope around the data does not count. */
const dataBytesMax = 4_096;
const scope = "https://www.googleapis.com/auth/firebase.messaging";
/** Firebase: "If no Retry-After header is set, default to 60 seconds" (for 429). */
const quotaWaitMs = 60_000;

/** A service account's key, as the Firebase console gives it (JSON). */
export const FcmCredentials = z.object({
  project_id: z.string().min(1),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  token_uri: z.url().default("https://oauth2.googleapis.com/token"),
});

const AccessToken = z.object({ access_token: z.string(), expires_in: z.number() });
const Failure = z.object({
  error: z.object({
    status: z.string().optional(),
    message: z.string().optional(),
    details: z
      .array(
        z.looseObject({
          errorCode: z.string().optional(),
          fieldViolations: z.array(z.looseObject({ field: z.string().optional() })).optional(),
        }),
      )
      .optional(),
  }),
});

/**
 * Google's Firebase Cloud Messaging, HTTP v1. Data messages of high priority: the app shows them itself, with actions.
 * @param options.origin another address than Google's, for a proxy
 */
export function createFcm(options: {
  credentials: z.infer<typeof FcmCredentials> | undefined;
  origin: string | undefined;
  clock: Pick<Clock, "now">;
}): Notifier<"fcm"> {
  const { credentials, clock } = options;
  const origin = options.origin ?? "https://fcm.googleapis.com";
  let access: { token: Promise<string>; until: number } | undefined;

  /** RFC 7523: a signed assertion for an access token, which is kept until it is about to end. */
  async function fetchAccess(account: z.infer<typeof FcmCredentials>, signal: AbortSignal) {
    const now = Math.floor(clock.now() / 1_000);
    const assertion = await new SignJWT({ scope })
      .setProtectedHeader({ alg: "RS256" })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(now)
      .setExpirationTime(now + 3_600)
      .sign(await importPKCS8(account.private_key, "RS256"));
    const answer = await fetch(account.token_uri, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }),
      signal,
    });
    const given = AccessToken.safeParse(parseJson(await answer.text()));
    if (!answer.ok || !given.success)
      throw new Error(`Google does not take FCM_CREDENTIALS (status ${answer.status} of ${account.token_uri})`);
    return given.data;
  }
  function accessOf(account: z.infer<typeof FcmCredentials>, signal: AbortSignal): Promise<string> {
    if (access !== undefined && clock.now() < access.until) return access.token;
    const asked = fetchAccess(account, signal);
    const mine = { token: asked.then(({ access_token: token }) => token), until: clock.now() + 60_000 };
    access = mine;
    asked.then(
      ({ expires_in: seconds }) => (mine.until = clock.now() + (seconds - 60) * 1_000),
      () => {
        if (access === mine) access = undefined;
      },
    );
    return mine.token;
  }

  return {
    platform: "fcm",
    missing: credentials === undefined ? "Set FCM_CREDENTIALS to the service account's JSON file." : undefined,
    takesSilent: true,
    providerOf: () => origin,
    staleness: () => undefined,
    async send({ pushToken }, message, signal) {
      if (credentials === undefined) return { outcome: "refused", reason: "FCM_CREDENTIALS is not set." };
      try {
        const response = await fetch(`${origin}/v1/projects/${credentials.project_id}/messages:send`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${await accessOf(credentials, signal)}`,
            "content-type": "application/json",
          },
          body: JSON.stringify({ message: messageFor(pushToken, message, clock.now()) }),
          signal,
        });
        const body = await response.text();
        if (response.status === 401) access = undefined;
        return resultOf(response.status, body, retryAfterMs(response.headers.get("retry-after"), clock.now()));
      } catch (error) {
        return unreachable("Google", error);
      }
    },
    close() {},
  };
}

/** Data of a message is text only. */
function messageFor(token: string, { payload, urgent, silent, collapseId, expiresAt }: PushMessage, now: number) {
  const textsOf = (whole: PushPayload) =>
    Object.fromEntries(
      Object.entries({ ...whole, silent }).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value ?? ""),
      ]),
    );
  const data = fitting(payload, { encode: (whole) => JSON.stringify(textsOf(whole)), bytesMax: dataBytesMax });
  return {
    token,
    data: JSON.parse(data),
    android: {
      priority: urgent || !silent ? "HIGH" : "NORMAL",
      collapse_key: collapseId,
      ttl: `${Math.max(0, Math.floor((expiresAt - now) / 1_000))}s`,
    },
  };
}

function resultOf(status: number, body: string, waitMs: number | undefined): SendResult {
  if (status === 200) return { outcome: "delivered", text: "Google took it" };
  const { error } = Failure.safeParse(parseJson(body)).data ?? { error: {} };
  const code = error.details?.find(({ errorCode }) => errorCode)?.errorCode ?? error.status ?? `status ${status}`;
  const reason = `Google: ${code}`;
  const isTokens = error.details?.some(({ fieldViolations }) =>
    fieldViolations?.some(({ field }) => field === "message.token"),
  );
  if (status === 404 || code === "UNREGISTERED" || code === "SENDER_ID_MISMATCH" || isTokens)
    return { outcome: "dead", reason };
  if (status === 429) return { outcome: "retry", reason, retryAfterMs: waitMs ?? quotaWaitMs, isProviders: true };
  if (status === 401 || status === 403 || status >= 500)
    return { outcome: "retry", reason, retryAfterMs: waitMs, isProviders: true };
  return { outcome: "refused", reason: error.message ? `${reason}: ${error.message}` : reason };
}
