import type { ButtonHTMLAttributes } from "react";

const looks = {
  primary: "bg-clay text-on-clay border-transparent",
  plain: "bg-raised text-ink border-line",
  danger: "bg-raised text-danger border-line",
  quiet: "bg-transparent text-soft border-transparent",
} as const;

/** Every button of the app: large enough for a thumb. */
export function Button({
  look = "plain",
  className = "",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { look?: keyof typeof looks }) {
  return (
    <button
      type="button"
      {...rest}
      className={`target inline-flex items-center justify-center gap-2 rounded-lg border px-4 font-medium disabled:opacity-50 ${looks[look]} ${className}`}
    />
  );
}
