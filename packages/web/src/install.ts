/** Chromium's offer to install the page as an app. */
interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
}
let offer: InstallOffer | undefined;
const listeners = new Set<() => void>();

/** Hears the browser's offer, which comes once, soon after the page was opened. */
export function hearInstallOffer(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event as InstallOffer;
    for (const listener of listeners) listener();
  });
}

/** How this page becomes an app on this device; undefined: it is one, or cannot be. */
export type Install = { kind: "button"; install: () => void } | { kind: "words"; words: string } | undefined;

export function onInstall(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const hasOffer = (): boolean => offer !== undefined;

export function howToInstall(): Install {
  if (matchMedia("(display-mode: standalone)").matches) return undefined;
  const given = offer;
  if (given) return { kind: "button", install: () => void given.prompt().catch(() => {}) };
  const isApple =
    /iPhone|iPad/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  if (!isSecureContext) return { kind: "words", words: "Only over https can this be installed as an app." };
  return isApple
    ? {
        kind: "words",
        words: "In Safari: Share, then Add to Home Screen. On an iPhone only then there are notifications.",
      }
    : undefined;
}
