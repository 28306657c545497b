import type { ReactNode } from "react";
import { BackButton } from "./back-button.tsx";

/** A plain screen: a title, the way back, and what it is about. */
export function Page({
  title,
  back,
  actions,
  isWide = false,
  children,
}: {
  title: string;
  /** Where it leads back to; absent: to the list, where that is not beside. `null`: the tab bar is there. */
  back?: { to: string; label: string } | null;
  actions?: ReactNode;
  isWide?: boolean;
  children: ReactNode;
}) {
  return (
    <>
      <header className="flex min-h-12 items-center gap-1 border-line border-b px-1">
        {back !== null && <BackButton {...back} />}
        <h1 className="min-w-0 flex-1 truncate px-3 font-semibold">{title}</h1>
        {actions}
      </header>
      <div className="safe-bottom min-h-0 flex-1 overflow-y-auto">
        <div className={`mx-auto flex w-full flex-col gap-4 p-4 ${isWide ? "max-w-5xl" : "max-w-xl"}`}>{children}</div>
      </div>
    </>
  );
}

/** A part of a page, with a heading of its own. */
export function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex min-w-0 flex-col gap-3 rounded-card border border-line bg-raised p-4">
      <h2 className="font-medium">{title}</h2>
      {children}
    </section>
  );
}
