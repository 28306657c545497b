import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes } from "react";

/** A button that is a picture; its label is for those who cannot see it, and for those who wait over it. */
export function IconButton({
  icon: Icon,
  label,
  className = "",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { icon: LucideIcon; label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`target grid shrink-0 place-items-center rounded-lg disabled:opacity-40 ${className}`}
    >
      <Icon aria-hidden className="size-5" />
    </button>
  );
}
