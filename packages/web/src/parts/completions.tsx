import type { Completion } from "../use-completion.ts";

/** What could stand at the cursor, over the field. */
export function Completions({
  choices,
  chosen,
  onChoose,
}: {
  choices: readonly Completion[];
  chosen: number;
  onChoose: (choice: number) => void;
}) {
  return (
    <div
      id="completions"
      role="listbox"
      aria-label="Completions"
      className="absolute bottom-full left-0 z-10 mb-2 max-h-72 w-full overflow-auto rounded-card border border-line bg-raised"
    >
      {choices.map(({ text, about }, i) => (
        <button
          key={text}
          type="button"
          role="option"
          aria-selected={i === chosen}
          tabIndex={-1}
          // The field keeps the focus, and a phone its keyboard.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(i)}
          className={`target flex w-full flex-col justify-center px-3 py-1 text-left ${i === chosen ? "bg-sunken" : ""}`}
        >
          <code className="break-all">{text}</code>
          {about && <span className="line-clamp-1 text-soft text-xs">{about}</span>}
        </button>
      ))}
    </div>
  );
}
