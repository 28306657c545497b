/** The parts of a browser that tell of coming back. Elsewhere they are missing, and nothing happens. */
interface Page {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
  document?: {
    visibilityState?: string;
    addEventListener(type: string, listener: () => void): void;
    removeEventListener(type: string, listener: () => void): void;
  };
}

/** True while nobody can see the page. */
export const isHidden = (page: Page = globalThis): boolean => page.document?.visibilityState === "hidden";

/**
 * Calls back when the device may have slept or changed networks: the page became visible, came back from the back/forward
 * cache, or the system says that it is online. @returns stops it
 */
export function onWake(wake: () => void, page: Page = globalThis): () => void {
  const whenVisible = () => {
    if (!isHidden(page)) wake();
  };
  page.document?.addEventListener("visibilitychange", whenVisible);
  for (const type of ["pageshow", "online", "focus"]) page.addEventListener?.(type, whenVisible);
  return () => {
    page.document?.removeEventListener("visibilitychange", whenVisible);
    for (const type of ["pageshow", "online", "focus"]) page.removeEventListener?.(type, whenVisible);
  };
}
