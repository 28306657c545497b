import { createHmac } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { type Notifier, retryAfterMs, unreachable } from "./notifier.ts";

/**
 * Signs as the Standard Webhooks specification says (standardwebhooks.com): `v1,` and the base64 of HMAC-SHA256 over
 * `id.timestamp.body`.
 * @param secret `whsec_` and base64
 */
export function signatureOf(secret: string, message: { id: string; timestamp: number; body: string }): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = `${message.id}.${message.timestamp}.${message.body}`;
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

/** A signed POST to an address of the person's own. */
export function createWebhook({ clock }: { clock: Pick<Clock, "now"> }): Notifier<"webhook"> {
  return {
    platform: "webhook",
    missing: undefined,
    takesSilent: true,
    providerOf: ({ url }) => new URL(url).origin,
    staleness: () => undefined,
    async send({ url, secret }, { payload, silent, correlationId }, signal) {
      const { host } = new URL(url);
      const id = payload.notificationId;
      const timestamp = Math.floor(clock.now() / 1_000);
      const body = JSON.stringify({ ...payload, silent });
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(correlationId === undefined
              ? {}
              : { traceparent: `00-${correlationId}-${id.replaceAll("-", "").slice(-16)}-01` }),
            "webhook-id": id,
            "webhook-timestamp": String(timestamp),
            "webhook-signature": signatureOf(secret, { id, timestamp, body }),
          },
          body,
          redirect: "manual",
          signal,
        });
        await response.body?.cancel();
        const { status } = response;
        const reason = `${host}: status ${status}`;
        if (response.ok) return { outcome: "delivered", text: `${host} took it` };
        if (status === 410) return { outcome: "dead", reason };
        if (status === 408 || status === 429 || status >= 500) {
          const waitMs = retryAfterMs(response.headers.get("retry-after"), clock.now());
          return { outcome: "retry", reason, retryAfterMs: waitMs, isProviders: true };
        }
        return { outcome: "refused", reason };
      } catch (error) {
        return unreachable(host, error);
      }
    },
    close() {},
  };
}
