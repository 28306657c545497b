import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./icon-button.tsx";

/** What covers the rest until it is done with: from below on a phone, in the middle on a desk. Escape closes it. */
export function Sheet({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does it by itself
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
      className="sheet safe-bottom m-auto mb-0 max-h-[85dvh] w-full max-w-lg overflow-hidden rounded-t-2xl border border-line bg-paper p-0 text-ink backdrop:bg-black/40 sm:mb-auto sm:rounded-2xl"
    >
      <div className="flex max-h-[85dvh] flex-col">
        <header className="flex items-center border-line border-b pl-4">
          <h2 id={heading} className="flex-1 font-semibold">
            {title}
          </h2>
          <IconButton icon={X} label="Close" onClick={() => dialog.current?.close()} />
        </header>
        <div className="min-h-0 overflow-y-auto p-4">{children}</div>
      </div>
    </dialog>
  );
}
