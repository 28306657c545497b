import { ArrowLeft } from "lucide-react";
import { go } from "../router.ts";
import { IconButton } from "./icon-button.tsx";

/** Back to where this belongs; to the list only where the list is not beside. */
export function BackButton({ to = "/", label = "All sessions" }: { to?: string; label?: string }) {
  return <IconButton icon={ArrowLeft} label={label} onClick={() => go(to)} className={to === "/" ? "lg:hidden" : ""} />;
}
