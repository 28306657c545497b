import { Check, Copy } from "lucide-react";
import { memo, useEffect, useState } from "react";
import type { Piece } from "../highlight.ts";
import { languageOf } from "../language.ts";

/** More than this is shown in one colour: colours would cost a phone seconds. */
const highlightedMax = 40_000;

/** Code, in colours as soon as they are there; the words never move. */
export const CodeLines = memo(function CodeLines({ text, language }: { text: string; language: string | undefined }) {
  const [shown, setShown] = useState<{ text: string; lines: Piece[][] }>();
  useEffect(() => {
    let isOver = false;
    const name = language === undefined ? undefined : languageOf(language);
    if (name === undefined || text.length > highlightedMax) return undefined;
    // What grows is coloured when it has come to rest.
    const timer = setTimeout(async () => {
      const { highlight } = await import("../highlight.ts");
      const lines = await highlight(text, name).catch(() => undefined);
      if (lines && !isOver) setShown({ text, lines });
    }, 120);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [text, language]);
  if (shown?.text !== text) return text;
  return shown.lines.map((line, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
    <span key={i}>
      {line.map(({ text: piece, color }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: nor have their pieces
        <span key={at} style={{ color }}>
          {piece}
        </span>
      ))}
      {i < shown.lines.length - 1 && "\n"}
    </span>
  ));
});

/** A block of code with a button that copies it. */
export function CodeBlock({ text, language }: { text: string; language: string | undefined }) {
  return (
    <div className="group/code relative">
      <CopyButton text={text} className="absolute top-1 right-1 bg-sunken" />
      <pre
        dir="ltr"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        <code>
          <CodeLines text={text} language={language} />
        </code>
      </pre>
    </div>
  );
}

/** Puts a text where it can be pasted from, and says that it did. */
export function CopyButton({
  text,
  className = "",
  label = "Copy",
}: {
  text: string;
  className?: string;
  label?: string;
}) {
  const [isDone, setDone] = useState(false);
  if (!isSecureContext) return null;
  return (
    <button
      type="button"
      aria-label={isDone ? "Copied" : label}
      title={label}
      onClick={() => {
        navigator.clipboard.writeText(text).then(
          () => {
            setDone(true);
            setTimeout(() => setDone(false), 1_500);
          },
          () => {},
        );
      }}
      className={`grid size-9 place-items-center rounded-lg text-soft ${className}`}
    >
      {isDone ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
    </button>
  );
}
