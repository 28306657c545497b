import { ArrowLeft } from "lucide-react";
import { go } from "../router.ts";

/** Back to the list, where the list is not beside. */
export function BackButton() {
  return (
    <button
      type="button"
      aria-label="All sessions"
      onClick={() => go("/")}
      className="target grid place-items-center lg:hidden"
    >
      <ArrowLeft aria-hidden className="size-5" />
    </button>
  );
}
