import { type Companion, CompanionError } from "@claude-companion/client";
import type { PermissionAnswer, PermissionRequest } from "@claude-companion/protocol";
import { useState } from "react";
import { linesOfEdit } from "../diff-lines.ts";
import { useArmed } from "../hooks.ts";
import { messageOf, withoutDirectory } from "../words.ts";
import { Button } from "./button.tsx";
import { Diff } from "./diff.tsx";
import { Markdown } from "./markdown.tsx";

/** What waits for an answer, over the composer, so that it cannot be scrolled away. */
export function PermissionCard({
  companion,
  sessionId,
  requests,
  workingDirectory,
  onAnswered,
}: {
  companion: Companion;
  sessionId: string;
  requests: readonly PermissionRequest[];
  /** Paths in it are told from there. */
  workingDirectory: string;
  /** Somebody else was first, and we had not heard of it. */
  onAnswered: (permissionId: string) => void;
}) {
  const [request] = requests;
  if (request === undefined) return null;
  return (
    <section
      aria-label="Claude asks"
      className="mx-3 mb-2 flex max-h-[60dvh] flex-col self-stretch lg:mx-auto lg:w-full lg:max-w-3xl gap-2 rounded-card border-2 border-amber bg-raised p-3"
    >
      {requests.length > 1 && <p className="text-sm text-soft">1 of {requests.length}</p>}
      <Card
        key={request.permissionId}
        companion={companion}
        sessionId={sessionId}
        request={{ ...request, title: withoutDirectory(request.title, workingDirectory) }}
        onAnswered={onAnswered}
      />
    </section>
  );
}

function Card({
  companion,
  sessionId,
  request,
  onAnswered,
}: {
  companion: Companion;
  sessionId: string;
  request: PermissionRequest;
  onAnswered: (permissionId: string) => void;
}) {
  const { permissionId, kind, title, description, reason, input, toolName, suggestions, defaultToNo } = request;
  const isArmed = useArmed();
  const [isSent, setSent] = useState(false);
  const [isSure, setSure] = useState(false);
  const [isOpen, setOpen] = useState<"always" | "deny">();
  const [why, setWhy] = useState("");
  const [failure, setFailure] = useState<string>();
  async function answer(given: PermissionAnswer): Promise<void> {
    setSent(true);
    // Where the platform has it, a thumb feels that it was heard.
    navigator.vibrate?.(10);
    try {
      await companion.respond(sessionId, permissionId, given);
    } catch (error) {
      if (error instanceof CompanionError && error.code === "ALREADY_RESOLVED") return onAnswered(permissionId);
      setFailure(messageOf(error));
      setSent(false);
    }
  }
  const isOff = !isArmed || isSent;
  const edit = linesOfEdit(toolName, input);
  const command = typeof input.command === "string" ? input.command : undefined;

  return (
    <>
      <h2 className="font-semibold">{title}</h2>
      {description && <p className="text-sm text-soft">{description}</p>}
      {request.plan ? (
        <div className="min-h-0 overflow-auto rounded-lg bg-sunken p-3">
          <Markdown text={request.plan} />
        </div>
      ) : edit ? (
        <div className="min-h-0 overflow-auto">
          <Diff lines={edit} />
        </div>
      ) : command === undefined ? null : (
        <pre className="min-h-0 overflow-auto whitespace-pre-wrap break-words rounded-lg bg-sunken p-2">{command}</pre>
      )}
      {reason && <p className="text-sm text-soft">{reason}</p>}
      {isSent && (
        <p role="status" className="text-sm text-soft">
          Your answer is on its way.
        </p>
      )}
      {failure && (
        <p role="alert" className="text-sm text-danger">
          {failure}
        </p>
      )}
      {kind === "question" ? (
        <Questions request={request} isOff={isOff} onAnswer={(answers) => answer({ decision: "allow", answers })} />
      ) : isOpen === "deny" ? (
        <form
          className="flex gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            void answer({ decision: "deny", ...(why.trim() ? { message: why.trim() } : {}) });
          }}
        >
          <input
            aria-label="Why not (optional)"
            placeholder="What to do instead (optional)"
            value={why}
            onChange={(event) => setWhy(event.target.value)}
            className="target min-w-0 flex-1 rounded-lg border border-line bg-paper px-3"
          />
          <Button look="danger" type="submit" disabled={isOff}>
            Deny
          </Button>
        </form>
      ) : isOpen === "always" ? (
        <div className="flex flex-col gap-2">
          {suggestions.map((suggestion, index) => (
            <Button
              key={suggestion.text}
              disabled={isOff}
              onClick={() => answer({ decision: "allowAlways", suggestions: [index] })}
            >
              {suggestion.text}
            </Button>
          ))}
          <Button look="quiet" onClick={() => setOpen(undefined)}>
            Back
          </Button>
        </div>
      ) : (
        <div className={`flex gap-2 ${defaultToNo ? "flex-row-reverse" : ""}`}>
          <Button
            look={defaultToNo ? "danger" : "primary"}
            className="flex-1"
            disabled={isOff}
            onClick={() => (defaultToNo && !isSure ? setSure(true) : void answer({ decision: "allow" }))}
          >
            {isSure ? "Allow it really" : kind === "plan" ? "Approve" : "Allow"}
          </Button>
          {request.canAllowAlways && suggestions.length > 0 && (
            <Button look="quiet" disabled={isOff} onClick={() => setOpen("always")}>
              Always…
            </Button>
          )}
          <Button className={defaultToNo ? "flex-1" : ""} disabled={isOff} onClick={() => setOpen("deny")}>
            Deny
          </Button>
        </div>
      )}
    </>
  );
}

function Questions({
  request,
  isOff,
  onAnswer,
}: {
  request: PermissionRequest;
  isOff: boolean;
  onAnswer: (answers: Record<string, string | string[]>) => void;
}) {
  const questions = request.questions ?? [];
  const [answers, setAnswers] = useState<Record<string, string[]>>({});
  const [own, setOwn] = useState("");
  const [first] = questions;
  const isSimple = questions.length === 1 && first?.multiSelect === false;

  function choose(question: string, label: string, multi: boolean): void {
    if (isSimple) return onAnswer({ [question]: label });
    setAnswers((before) => {
      const chosen = before[question] ?? [];
      const next = chosen.includes(label)
        ? chosen.filter((one) => one !== label)
        : multi
          ? [...chosen, label]
          : [label];
      return { ...before, [question]: next };
    });
  }
  return (
    <div className="flex min-h-0 flex-col gap-3 overflow-auto">
      {questions.map(({ question, multiSelect, options }) => (
        <fieldset key={question} className="flex flex-col gap-2">
          <legend className="mb-1 text-sm">{question}</legend>
          {options.map(({ label, description }) => (
            <Button
              key={label}
              disabled={isOff}
              aria-pressed={answers[question]?.includes(label) ?? false}
              look={answers[question]?.includes(label) ? "primary" : "plain"}
              className="!justify-start py-2 text-left"
              onClick={() => choose(question, label, multiSelect)}
            >
              <span>
                {label}
                {description && <span className="block font-normal text-sm opacity-80">{description}</span>}
              </span>
            </Button>
          ))}
        </fieldset>
      ))}
      <form
        className="flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          const said = own.trim();
          const chosen = Object.fromEntries(questions.map(({ question }) => [question, answers[question] ?? []]));
          if (said !== "" && first) chosen[first.question] = [...(chosen[first.question] ?? []), said];
          onAnswer(chosen);
        }}
      >
        <input
          aria-label="An answer of your own"
          placeholder="Something else"
          value={own}
          onChange={(event) => setOwn(event.target.value)}
          className="target min-w-0 flex-1 rounded-lg border border-line bg-paper px-3"
        />
        <Button type="submit" disabled={isOff || (own.trim() === "" && Object.values(answers).flat().length === 0)}>
          Answer
        </Button>
      </form>
    </div>
  );
}
