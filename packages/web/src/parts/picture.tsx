import { useState } from "react";
import { Sheet } from "./sheet.tsx";

/** A picture that opens when it is tapped. */
export function Picture({ address, name }: { address: string; name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" aria-label={`Show ${name} large`} onClick={() => setOpen(true)} className="target">
        <img src={address} alt={name} className="max-h-72 max-w-full rounded-lg border border-line" />
      </button>
      {isOpen && (
        <Sheet title={name} onClose={() => setOpen(false)}>
          <img src={address} alt={name} className="mx-auto max-w-full" />
        </Sheet>
      )}
    </>
  );
}
