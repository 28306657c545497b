import Anser from "anser";
import { memo } from "react";

/** Lines that are shown at once; a log of a megabyte would stop a phone. */
const charactersMax = 60_000;
/** What a terminal does besides writing: moving, erasing, titles. Colours stay. */
const otherControls = new RegExp(
  [
    String.raw`\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`,
    String.raw`\x1b\[[0-9;?]*[A-Za-ln-z]`,
    String.raw`\x1b[()][0-9A-B]`,
    String.raw`[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]`,
  ].join("|"),
  "g",
);

/** What a command printed, in the colours of the terminal; a line that was written over is shown as it was last. */
export const TerminalText = memo(function TerminalText({ text }: { text: string }) {
  const cut = text.length > charactersMax ? text.slice(-charactersMax) : text;
  const lines = cut.replaceAll("\r\n", "\n").replaceAll(otherControls, "").split("\n");
  const last = lines.map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "").join("\n");
  return (
    <>
      {cut !== text && (
        <span className="text-soft">
          … {text.length - cut.length} characters before this{"\n"}
        </span>
      )}
      {Anser.ansiToJson(last, { use_classes: true, remove_empty: true }).map(({ content, fg, decorations }, i) => {
        const bold = decorations.includes("bold") ? " font-bold" : "";
        const dim = decorations.includes("dim") ? " opacity-70" : "";
        return (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name
            key={i}
            className={`${fg ? `term-${fg.replace("ansi-", "").replace("bright-", "")}` : ""}${bold}${dim}`}
          >
            {content}
          </span>
        );
      })}
    </>
  );
});
