import type { Companion } from "@claude-companion/client";

/** Why this browser cannot be told anything; undefined: it can. */
export function canBeNotified(): string | undefined {
  if (!isSecureContext)
    return "Browsers notify only over https. See the guide for how to give this server a certificate.";
  if (!("PushManager" in window))
    return "This browser has no notifications. On an iPhone put the app on the home screen first.";
  if (Notification.permission === "denied") return "Notifications are blocked for this page in the browser's settings.";
  return undefined;
}

/** Asks the person, then the browser, then tells the server. @returns what came of it @throws Error with what to do */
export async function subscribeToPush(companion: Companion): Promise<string> {
  const { vapidPublicKey, platforms } = await companion.request("getPushConfiguration", {});
  if (vapidPublicKey === undefined)
    throw new Error(
      platforms.find(({ platform }) => platform === "webPush")?.missing ?? "The server is not set up for browsers.",
    );
  if ((await Notification.requestPermission()) !== "granted") throw new Error("Notifications were not allowed.");
  const { pushManager } = await navigator.serviceWorker.ready;
  const earlier = await pushManager.getSubscription();
  // A subscription of another key is of no use any more.
  if (earlier && keyOf(earlier) !== vapidPublicKey) await earlier.unsubscribe();
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: vapidPublicKey });
  const { endpoint = "", keys } = made.toJSON();
  await companion.request("registerDevice", {
    platform: "webPush",
    webPushSubscription: { endpoint, keys: { p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" } },
  });
  return "You will be told here when you are needed.";
}

function keyOf({ options }: PushSubscription): string {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
