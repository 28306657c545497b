import { Button } from "./button.tsx";

/** One of a few, all of them to be seen. */
export function Choice<T extends string>({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string;
  choices: Readonly<Record<T, string>>;
  chosen: T;
  onChoose: (choice: T) => void;
}) {
  return (
    <fieldset className="flex gap-2" aria-label={label}>
      {(Object.keys(choices) as T[]).map((choice) => (
        <Button
          key={choice}
          aria-pressed={choice === chosen}
          look={choice === chosen ? "primary" : "plain"}
          onClick={() => onChoose(choice)}
        >
          {choices[choice]}
        </Button>
      ))}
    </fieldset>
  );
}
