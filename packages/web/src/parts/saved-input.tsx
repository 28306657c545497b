import type { InputHTMLAttributes } from "react";
import { field } from "./field.ts";

/** A text that is there already and is saved when it is left, or by Enter; what comes from elsewhere takes its place. */
export function SavedInput({
  value,
  onSave,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onSave"> & {
  value: string;
  onSave: (text: string) => void;
}) {
  return (
    <input
      {...rest}
      key={value}
      defaultValue={value}
      onBlur={({ target }) => onSave(target.value.trim())}
      onKeyDown={({ key, currentTarget }) => key === "Enter" && currentTarget.blur()}
      className={field}
    />
  );
}
