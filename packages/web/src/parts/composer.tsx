import type { Companion } from "@claude-companion/client";
import { ArrowUp, FileText, LoaderCircle, Mic, MicOff, Paperclip, Square, X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { canHear, listen } from "../speech.ts";
import { useCompletion } from "../use-completion.ts";
import type { LiveConversation } from "../use-conversation.ts";
import type { Uploads } from "../use-uploads.ts";
import { Completions } from "./completions.tsx";
import { IconButton } from "./icon-button.tsx";

const draftKey = (sessionId: string) => `draft/${sessionId}`;

/** Where the next instruction is written. What is not sent is kept for each session; what is sent leaves once, when there is a way. */
export function Composer(props: {
  companion: Companion;
  sessionId: string;
  workingDirectory: string;
  isWorking: boolean;
  isOffline: boolean;
  canSteer: boolean;
  uploads: Uploads;
  send: LiveConversation["send"];
  /** A text to write on, from a message that was taken back. */
  given: { text: string } | undefined;
}) {
  const { companion, sessionId, isWorking, uploads, given } = props;
  const [text, setText] = useState(() => localStorage.getItem(draftKey(sessionId)) ?? "");
  const [cursor, setCursor] = useState(text.length);
  const [chosen, setChosen] = useState(0);
  const [isSteering, setSteering] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const completing = useCompletion({ ...props, text, cursor });
  const hasSomething = text.trim() !== "" || uploads.files.some(({ state }) => state === "ready");
  const isComing = uploads.files.some(({ state }) => state === "coming");

  useEffect(() => {
    if (text === "") localStorage.removeItem(draftKey(sessionId));
    else localStorage.setItem(draftKey(sessionId), text);
    const { current } = field;
    if (current === null) return;
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight}px`;
  }, [text, sessionId]);
  useEffect(() => {
    if (given) setText((now) => (now === "" ? given.text : `${given.text}\n${now}`));
  }, [given]);

  function send(): void {
    const said = text.trim();
    const files = uploads.take();
    if (said === "" && files.length === 0) return;
    setText("");
    const content =
      files.length === 0 ? said : [...files, ...(said === "" ? [] : [{ type: "text" as const, text: said }])];
    props.send(content, isSteering && isWorking ? { delivery: "steer" } : {});
  }
  function complete(choice: number): void {
    const taken = completing?.choices[choice];
    if (completing === undefined || taken === undefined) return;
    setText(text.slice(0, completing.begin) + taken.text + text.slice(completing.end).replace(/^ /, ""));
    setCursor(completing.begin + taken.text.length);
    setChosen(0);
    field.current?.focus();
  }
  function onKeyDown(event: KeyboardEvent): void {
    if (completing) {
      const { length } = completing.choices;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step !== undefined) {
        event.preventDefault();
        return setChosen((now) => (now + step + length) % length);
      }
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        return complete(Math.min(chosen, length - 1));
      }
      if (event.key === "Escape") return setCursor(-1);
    }
    // On a phone Enter is a new line: there is no Shift.
    const isPhone = matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || isPhone || event.nativeEvent.isComposing) return undefined;
    event.preventDefault();
    return send();
  }
  function onPaste(event: ClipboardEvent): void {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    uploads.add(files);
  }
  return (
    <div className="safe-bottom border-line border-t bg-paper px-3 pt-2">
      <form
        className="relative mx-auto flex max-w-3xl flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {completing && (
          <Completions
            choices={completing.choices}
            chosen={Math.min(chosen, completing.choices.length - 1)}
            onChoose={complete}
          />
        )}
        <Files uploads={uploads} />
        <div className="flex items-end gap-1">
          <AttachButton onFiles={uploads.add} />
          <textarea
            ref={field}
            aria-label="Message to Claude"
            aria-autocomplete="list"
            aria-controls={completing ? "completions" : undefined}
            placeholder={props.isOffline ? "Sent when you are back" : isWorking ? "Say more" : "What next?"}
            rows={1}
            dir="auto"
            enterKeyHint="enter"
            value={text}
            onChange={({ target }) => {
              setText(target.value);
              setCursor(target.selectionStart);
            }}
            onSelect={({ currentTarget }) => setCursor(currentTarget.selectionStart)}
            onKeyDown={onKeyDown}
            onPaste={onPaste}
            className="target max-h-[40dvh] min-w-0 flex-1 resize-none rounded-card border border-line bg-raised px-3 py-2.5 text-base"
          />
          {canHear && <SpeechButton text={text} onText={setText} />}
          {isWorking && !hasSomething ? (
            <IconButton
              icon={Square}
              label="Stop"
              onClick={() => void companion.request("interrupt", { sessionId }).catch(() => {})}
              className="rounded-card border border-line bg-raised text-danger [&_svg]:fill-current"
            />
          ) : (
            <button
              type="submit"
              aria-label="Send"
              disabled={!hasSomething || isComing}
              className="target grid place-items-center rounded-card bg-clay text-on-clay disabled:opacity-40"
            >
              {isComing ? (
                <LoaderCircle aria-hidden className="size-5 animate-spin" />
              ) : (
                <ArrowUp aria-hidden className="size-5" />
              )}
            </button>
          )}
        </div>
        {isWorking && hasSomething && props.canSteer && (
          <label className="flex min-h-8 items-center gap-2 pl-12 text-sm text-soft">
            <input
              type="checkbox"
              checked={isSteering}
              onChange={({ target }) => setSteering(target.checked)}
              className="size-4 accent-clay"
            />
            into this turn, without waiting for its end
          </label>
        )}
      </form>
    </div>
  );
}

function AttachButton({ onFiles }: { onFiles: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton
        icon={Paperclip}
        label="Add a picture or file"
        onClick={() => input.current?.click()}
        className="text-soft"
      />
      {/* Phones offer camera, pictures and files for it. */}
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Picture or file"
        onChange={({ target }) => {
          onFiles([...(target.files ?? [])]);
          target.value = "";
        }}
      />
    </>
  );
}

function Files({ uploads }: { uploads: Uploads }) {
  if (uploads.files.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-2" aria-label="Goes along">
      {uploads.files.map(({ uploadId, name, preview, state, failure }) => (
        <li
          key={uploadId}
          className="flex max-w-full items-center gap-2 rounded-lg border border-line bg-raised pl-2 text-sm"
        >
          {preview ? (
            <img src={preview} alt="" className="size-9 rounded object-cover" />
          ) : (
            <FileText aria-hidden className="size-5 text-soft" />
          )}
          <span className="min-w-0 truncate">{name}</span>
          {state === "coming" && (
            <LoaderCircle aria-label="on its way" role="img" className="size-4 animate-spin text-soft" />
          )}
          {failure && <span className="text-danger">{failure}</span>}
          <IconButton icon={X} label={`Leave ${name} out`} onClick={() => uploads.remove(uploadId)} />
        </li>
      ))}
    </ul>
  );
}

function SpeechButton({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [stop, setStop] = useState<() => void>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => stop, [stop]);
  function begin(): void {
    const before = text === "" ? "" : `${text.trimEnd()} `;
    setFailure(undefined);
    const end = listen(
      (heard) => onText(before + heard),
      (why) => {
        setStop(undefined);
        setFailure(why);
      },
    );
    setStop(() => end);
  }
  return (
    <>
      <IconButton
        icon={stop ? MicOff : Mic}
        label={stop ? "Stop listening" : "Speak"}
        aria-pressed={stop !== undefined}
        onClick={() => (stop ? stop() : begin())}
        className={stop ? "animate-pulse text-clay" : "text-soft"}
      />
      {failure && (
        <p role="alert" className="absolute bottom-full left-0 rounded-lg bg-raised p-2 text-danger text-sm">
          {failure}
        </p>
      )}
    </>
  );
}
