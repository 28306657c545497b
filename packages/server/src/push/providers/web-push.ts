import webPush from "web-push";
import type { Clock } from "../../clock.ts";
import type { KeyRecord, Records } from "../../records/index.ts";
import { fitting } from "../payload.ts";
import { type Notifier, retryAfterMs, unreachable } from "./notifier.ts";

/** What push services take (RFC 8030, 7.2), less what encryption adds (RFC 8188: header, padding delimiter, tag). */
const payloadBytesMax = 4_096 - 103;
const requestMs = 10_000;

/** The keys that browsers know this server by (RFC 8292): made on first use, then kept, or every subscription is void. */
export async function vapidKeysOf(keys: Records["keys"]): Promise<KeyRecord> {
  const known = await keys.find("vapid");
  if (known) return known;
  const made = { name: "vapid", ...webPush.generateVAPIDKeys() };
  await keys.save(made);
  return made;
}

/**
 * Browsers, by the Web Push protocol (RFC 8030, 8291, 8292).
 * @param options.contact where the push service finds the server's owner: `mailto:` or `https:`
 */
export function createWebPush(options: {
  keys: Pick<KeyRecord, "publicKey" | "privateKey">;
  contact: string | undefined;
  clock: Pick<Clock, "now">;
}): Notifier<"webPush"> {
  const { keys, contact, clock } = options;
  return {
    platform: "webPush",
    missing:
      contact === undefined
        ? "Set WEB_PUSH_CONTACT to an address where push services can reach you (mailto:you@example.org), or PUBLIC_URL to the https address of this server."
        : undefined,
    takesSilent: false,
    providerOf: ({ subscription }) => new URL(subscription.endpoint).origin,
    staleness: ({ vapidPublicKey }) =>
      vapidPublicKey === keys.publicKey
        ? undefined
        : "This server has another key now; the browser must subscribe anew.",
    async send({ subscription }, { payload, urgent, collapseId, expiresAt }) {
      if (contact === undefined) return { outcome: "refused", reason: "WEB_PUSH_CONTACT is not set." };
      const { host } = new URL(subscription.endpoint);
      try {
        await webPush.sendNotification(
          { endpoint: subscription.endpoint, keys: subscription.keys },
          fitting(payload, { encode: JSON.stringify, bytesMax: payloadBytesMax }),
          {
            vapidDetails: { subject: contact, ...keys },
            TTL: Math.max(0, Math.floor((expiresAt - clock.now()) / 1_000)),
            urgency: urgent ? "high" : "normal",
            topic: collapseId,
            timeout: requestMs,
          },
        );
        return { outcome: "delivered", text: `${host} took it` };
      } catch (error) {
        if (!(error instanceof webPush.WebPushError)) return unreachable(host, error);
        const { statusCode, headers } = error;
        const reason = `${host}: status ${statusCode}`;
        if (statusCode === 404 || statusCode === 410) return { outcome: "dead", reason };
        const waitMs = retryAfterMs(headers["retry-after"], clock.now());
        if ([401, 403, 408, 429].includes(statusCode) || statusCode >= 500)
          return { outcome: "retry", reason, retryAfterMs: waitMs, isProviders: true };
        return { outcome: "refused", reason };
      }
    },
    close() {},
  };
}
