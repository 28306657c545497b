import type { Companion } from "@claude-companion/client";
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { messageOf } from "../words.ts";

const draftKey = (sessionId: string) => `draft/${sessionId}`;

/** Where the next instruction is written. What is not sent is kept for each session; what is sent leaves once, when there is a way. */
export function Composer({
  companion,
  sessionId,
  isWorking,
}: {
  companion: Companion;
  sessionId: string;
  isWorking: boolean;
}) {
  const [text, setText] = useState(() => localStorage.getItem(draftKey(sessionId)) ?? "");
  const [failure, setFailure] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (text === "") localStorage.removeItem(draftKey(sessionId));
    else localStorage.setItem(draftKey(sessionId), text);
    const { current } = field;
    if (current === null) return;
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight}px`;
  }, [text, sessionId]);

  function send(): void {
    const said = text.trim();
    if (said === "") return;
    setText("");
    setFailure(undefined);
    companion.send(sessionId, said).catch((error: unknown) => {
      setFailure(messageOf(error));
      setText((now) => (now === "" ? said : now));
    });
  }
  function onKeyDown(event: KeyboardEvent): void {
    // On a phone Enter is a new line: there is no Shift.
    const isPhone = matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || isPhone || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }
  return (
    <div className="safe-bottom border-line border-t bg-paper px-3 pt-2">
      {failure && (
        <p role="alert" className="pb-1 text-sm text-danger">
          {failure}
        </p>
      )}
      <form
        className="mx-auto flex max-w-3xl items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={field}
          aria-label="Message to Claude"
          placeholder={isWorking ? "Say more; it waits its turn" : "What next?"}
          rows={1}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="target max-h-[40dvh] min-w-0 flex-1 resize-none rounded-card border border-line bg-raised px-3 py-2.5 text-base"
        />
        {isWorking && text.trim() === "" ? (
          <button
            type="button"
            aria-label="Stop"
            onClick={() => void companion.request("interrupt", { sessionId }).catch(() => {})}
            className="target grid place-items-center rounded-card border border-line bg-raised text-danger"
          >
            <Square aria-hidden className="size-4 fill-current" />
          </button>
        ) : (
          <button
            type="submit"
            aria-label="Send"
            disabled={text.trim() === ""}
            className="target grid place-items-center rounded-card bg-clay text-on-clay disabled:opacity-40"
          >
            <ArrowUp aria-hidden className="size-5" />
          </button>
        )}
      </form>
    </div>
  );
}
