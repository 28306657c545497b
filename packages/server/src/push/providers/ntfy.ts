import type { PushPayload } from "@claude-companion/protocol";
import type { Clock } from "../../clock.ts";
import { fitting } from "../payload.ts";
import { type Notifier, retryAfterMs, unreachable } from "./notifier.ts";

/** ntfy: "Limitations: message length 4,096 bytes", longer ones become attachments. */
const messageBytesMax = 4_000;

/** ntfy (https://docs.ntfy.sh/publish): a topic that a phone follows. Buttons work when PUBLIC_URL leads here. */
export function createNtfy(options: { publicUrl: string | undefined; clock: Pick<Clock, "now"> }): Notifier<"ntfy"> {
  const { publicUrl, clock } = options;

  function actionsOf({ actions, actionToken }: PushPayload) {
    if (publicUrl === undefined || actionToken === undefined) return [];
    const buttons = { allow: "Allow", deny: "Deny" } as const;
    return actions
      .filter((action) => action !== "reply")
      .map((action) => ({
        action: "http",
        label: buttons[action],
        url: new URL("/api/push-notifications/actions", publicUrl).href,
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ actionToken, action }),
        clear: true,
      }));
  }
  return {
    platform: "ntfy",
    missing: undefined,
    takesSilent: false,
    providerOf: ({ url }) => new URL(url).origin,
    staleness: () => undefined,
    async send({ url, accessToken }, { payload, urgent }, signal) {
      const place = new URL(url);
      const [, topic = ""] = /\/([^/]+)\/?$/.exec(place.pathname) ?? [];
      const encode = (whole: PushPayload) =>
        JSON.stringify({
          topic,
          title: whole.title,
          message: whole.body,
          priority: urgent ? 5 : 3,
          tags: [whole.reason === "turnFailed" ? "warning" : urgent ? "raising_hand" : "white_check_mark"],
          ...(whole.webUrl === undefined ? {} : { click: whole.webUrl }),
          actions: actionsOf(whole),
        });
      try {
        const response = await fetch(new URL(place.pathname.replace(/[^/]+\/?$/, ""), place), {
          method: "POST",
          headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
          body: fitting(payload, { encode, bytesMax: messageBytesMax }),
          redirect: "manual",
          signal,
        });
        await response.body?.cancel();
        const { status } = response;
        const reason = `${place.host}: status ${status}`;
        if (response.ok) return { outcome: "delivered", text: `${place.host} took it` };
        if (status === 429 || status >= 500) {
          const waitMs = retryAfterMs(response.headers.get("retry-after"), clock.now());
          return { outcome: "retry", reason, retryAfterMs: waitMs, isProviders: true };
        }
        if (status === 401 || status === 403) return { outcome: "dead", reason: `${reason}: it does not let us in` };
        return { outcome: "refused", reason };
      } catch (error) {
        return unreachable(place.host, error);
      }
    },
    close() {},
  };
}
