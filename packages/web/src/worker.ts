// The service worker: shows what it is told, acts on its buttons, and opens the app without a network.
import { readToken } from "./account-storage.ts";

const scope = self as unknown as ServiceWorkerGlobalScope;
const shell = "shell";

interface Told {
  notificationId: string;
  sessionId?: string;
  permissionId?: string;
  title: string;
  body: string;
  actions: ("allow" | "deny" | "reply")[];
  actionToken?: string;
}
const labels = { allow: "Allow", deny: "Deny", reply: "Reply" } as const;

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));

// The newest that the network gives, else what was kept.
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, origin } = new URL(request.url);
  const isOurs = request.method === "GET" && origin === scope.location.origin;
  if (!isOurs || !(request.mode === "navigate" || pathname.startsWith("/assets/") || pathname === "/icon.svg")) return;
  const key = request.mode === "navigate" ? "/" : pathname;
  event.respondWith(
    fetch(request).then(
      async (response) => {
        if (response.ok) await (await caches.open(shell)).put(key, response.clone());
        return response;
      },
      async (error: unknown) => {
        const kept = await caches.match(key);
        if (kept) return kept;
        throw error;
      },
    ),
  );
});

// Each is shown: a push that shows nothing costs a browser's trust.
scope.addEventListener("push", (event) => {
  const told = event.data?.json() as Told | undefined;
  if (told === undefined) return;
  const options: NotificationOptions & { actions?: { action: string; title: string }[] } = {
    body: told.body,
    tag: told.sessionId ?? told.notificationId,
    icon: "/icon.svg",
    data: told,
    actions: told.actions.filter((action) => action !== "reply").map((action) => ({ action, title: labels[action] })),
  };
  event.waitUntil(scope.registration.showNotification(told.title, options).then(() => report(told, "shown")));
});

scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const told = event.notification.data as Told;
  const { action } = event;
  const done = action === "allow" || action === "deny" ? act(told, action) : open(told);
  event.waitUntil(Promise.all([done, report(told, "opened")]));
});

/** So that nobody has to wonder, and nobody is told again of what was seen. Without it nothing else fails. */
async function report({ notificationId }: Told, event: "shown" | "opened"): Promise<void> {
  const token = await readToken().catch(() => undefined);
  if (token === undefined) return;
  await fetch("/api/push-notifications/receipts", {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ notificationId, event }),
  }).catch(() => undefined);
}

async function act(told: Told, action: "allow" | "deny"): Promise<void> {
  const answer = await fetch("/api/push-notifications/actions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ actionToken: told.actionToken, action }),
  }).catch(() => undefined);
  // It could not be done from here: the person sees why.
  if (!answer?.ok) await open(told);
}

async function open({ sessionId }: Told): Promise<void> {
  const path = sessionId === undefined ? "/" : `/session/${sessionId}`;
  await scope.clients.openWindow(path);
}
