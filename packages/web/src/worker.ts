// The service worker: shows what it is told, acts on its buttons, and opens the app without a network.
import { readToken } from "./account-storage.ts";

const scope = self as unknown as ServiceWorkerGlobalScope;
const shell = "shell";
const patienceMs = 2_000;
/** Files of the app that are kept; more than that are of versions that are gone. */
const keptMax = 120;

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
scope.addEventListener("activate", (event) => event.waitUntil(Promise.all([scope.clients.claim(), forgetOld()])));

// Names of assets say what is in them: what is kept is right. The page itself is the newest that can be had soon.
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, origin } = new URL(request.url);
  if (request.method !== "GET" || origin !== scope.location.origin) return;
  if (request.mode === "navigate" && isScreen(pathname)) event.respondWith(newest(request, "/"));
  else if (pathname.startsWith("/assets/")) event.respondWith(kept(request, pathname));
  else if (/^\/icon[\w-]*\.(svg|png)$/.test(pathname)) event.respondWith(newest(request, pathname));
});

/** Names of assets change with what is in them: those of earlier versions would pile up. */
async function forgetOld(): Promise<void> {
  const cache = await caches.open(shell);
  const keys = await cache.keys();
  if (keys.length < keptMax) return;
  await Promise.all(keys.slice(0, keys.length - keptMax).map((key) => cache.delete(key)));
}

/** Documents of the server are no screens of the app. */
const isScreen = (pathname: string): boolean =>
  /^\/(session\/.*|new|terminals|dashboard|devices|settings)?$/.test(pathname);

async function kept(request: Request, key: string): Promise<Response> {
  return (await caches.match(key)) ?? keep(key, await fetch(request));
}

/** A network that swallows everything is no reason to show nothing. */
async function newest(request: Request, key: string): Promise<Response> {
  const asking = fetch(request).then((response) => keep(key, response));
  const known = await caches.match(key);
  if (known === undefined) return asking;
  const patience = new Promise<Response>((resolve) => setTimeout(() => resolve(known), patienceMs));
  return Promise.race([asking.catch(() => known), patience]);
}

async function keep(key: string, response: Response): Promise<Response> {
  if (response.ok) await (await caches.open(shell)).put(key, response.clone());
  return response;
}

// Each is shown: a push that shows nothing costs a browser's trust.
scope.addEventListener("push", (event) => {
  const told = event.data?.json() as Told | undefined;
  if (told === undefined) return;
  const options: NotificationOptions & { actions?: { action: string; title: string }[] } = {
    body: told.body,
    tag: told.sessionId ?? told.notificationId,
    icon: "/icon-192.png",
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
