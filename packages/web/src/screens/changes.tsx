import type { Companion } from "@claude-companion/client";
import { FolderTree, RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { countOf, filesOfDiff } from "../diff-lines.ts";
import { type SessionSummary, useAsked } from "../hooks.ts";
import { Button } from "../parts/button.tsx";
import { Choice } from "../parts/choice.tsx";
import { Counts, Diff } from "../parts/diff.tsx";
import { field } from "../parts/field.ts";
import { IconButton } from "../parts/icon-button.tsx";
import { Page } from "../parts/page.tsx";
import { addressOfFile, go } from "../router.ts";
import { messageOf } from "../words.ts";

type View = "turn" | "tree";

/** What changed: in the last turn, or in the working tree; the latter can be committed. */
export default function Changes({
  companion,
  session,
  sessionId,
}: {
  companion: Companion;
  session: SessionSummary | undefined;
  sessionId: string;
}) {
  const [view, setView] = useState<View>("tree");
  const directory = session?.workingDirectory;
  return (
    <Page
      isWide
      title="Changes"
      back={{ to: `/session/${sessionId}`, label: "The conversation" }}
      actions={<IconButton icon={FolderTree} label="All files" onClick={() => go(addressOfFile(sessionId))} />}
    >
      <Choice
        label="Which changes"
        choices={{ tree: "Working tree", turn: "Last turn" }}
        chosen={view}
        onChoose={setView}
      />
      {view === "turn" ? (
        <LastTurn companion={companion} sessionId={sessionId} />
      ) : (
        directory && <WorkingTree key={directory} companion={companion} directory={directory} />
      )}
    </Page>
  );
}

function LastTurn({ companion, sessionId }: { companion: Companion; sessionId: string }) {
  const { value, failure } = useAsked(sessionId, async () => {
    const { items } = await companion.request("readHistory", { sessionId, limit: 500 });
    const last = items.findLast(({ type }) => type === "humanMessage");
    const { messageId } = Object(last?.data) as { messageId?: string };
    return messageId === undefined ? { diff: "" } : companion.request("getTurnDiff", { sessionId, messageId });
  });
  if (failure) return <p className="text-danger text-sm">{failure}</p>;
  if (value === undefined) return null;
  return <FileDiffs diff={value.diff} nothing="The last turn changed no files." />;
}

function WorkingTree({ companion, directory }: { companion: Companion; directory: string }) {
  const status = useAsked(directory, async () => {
    const [found, { diff }, { diff: staged }] = await Promise.all([
      companion.request("getGitStatus", { directory }),
      companion.request("getGitDiff", { directory }),
      companion.request("getGitDiff", { directory, staged: true }),
    ]);
    return { ...found, diff, staged };
  });
  const [message, setMessage] = useState("");
  /** What was ticked shows at once; what the server says of it counts when it is there. */
  const [ticked, setTicked] = useState<Readonly<Record<string, boolean>>>({});
  // biome-ignore lint/correctness/useExhaustiveDependencies: when it is there
  useEffect(() => setTicked({}), [status.value]);
  const [said, setSaid] = useState<{ text: string; isError: boolean }>();
  const [discarding, setDiscarding] = useState<string>();
  async function attempt(work: () => Promise<string | undefined>): Promise<void> {
    try {
      const text = await work();
      setSaid(text === undefined ? undefined : { text, isError: false });
    } catch (error) {
      setSaid({ text: messageOf(error), isError: true });
    }
    status.again();
  }
  if (status.failure) return <p className="text-soft text-sm">{status.failure}</p>;
  if (status.value === undefined) return null;
  const { branch, ahead, behind, changes, diff, staged } = status.value;
  const isStaged = ({ index }: { index: string }) => index !== "." && index !== "?";
  return (
    <>
      <p className="flex items-center gap-2 text-sm text-soft">
        <span className="min-w-0 flex-1">
          On <b className="text-ink">{branch ?? "no branch"}</b>
          {ahead > 0 && `, ${ahead} ahead`}
          {behind > 0 && `, ${behind} behind`}
        </span>
        <IconButton icon={RefreshCw} label="Look again" onClick={status.again} />
      </p>
      {changes.length > 0 && (
        <form
          className="flex flex-col gap-3 rounded-card border border-line bg-raised p-3"
          onSubmit={(event) => {
            event.preventDefault();
            void attempt(async () => {
              const { commit } = await companion.request("commitFiles", { directory, message: message.trim() });
              setMessage("");
              return `Committed as ${commit.slice(0, 8)}.`;
            });
          }}
        >
          <ul aria-label="Changed files" className="flex flex-col">
            {changes.map((change) => (
              <li key={change.path} className="flex items-center gap-2">
                <label className="target flex min-w-0 flex-1 items-center gap-3 text-sm">
                  <input
                    type="checkbox"
                    checked={ticked[change.path] ?? isStaged(change)}
                    onChange={({ target }) => {
                      setTicked((now) => ({ ...now, [change.path]: target.checked }));
                      void attempt(async () => {
                        await companion.request("stageFiles", {
                          directory,
                          paths: [change.path],
                          staged: target.checked,
                        });
                        return undefined;
                      });
                    }}
                    className="size-5 shrink-0 accent-clay"
                  />
                  <span className="min-w-0 flex-1 break-all">{change.path}</span>
                  <span className="text-soft text-xs">{changeInWords(change)}</span>
                </label>
                <Button
                  look="quiet"
                  className="!px-2 text-sm"
                  onClick={() =>
                    discarding === change.path
                      ? void attempt(async () => {
                          setDiscarding(undefined);
                          await companion.request("discardChanges", { directory, paths: [change.path], confirm: true });
                          return `What had changed in ${change.path} is gone.`;
                        })
                      : setDiscarding(change.path)
                  }
                >
                  <span className={discarding === change.path ? "text-danger" : ""}>
                    {discarding === change.path ? "Really?" : "Discard"}
                  </span>
                </Button>
              </li>
            ))}
          </ul>
          <div className="flex items-end gap-2">
            <textarea
              rows={1}
              aria-label="Commit message"
              placeholder="What was done"
              value={message}
              onChange={({ target }) => setMessage(target.value)}
              className={`${field} py-2.5`}
            />
            <Button look="primary" type="submit" disabled={message.trim() === "" || !changes.some(isStaged)}>
              Commit
            </Button>
          </div>
        </form>
      )}
      {said && (
        <p role="status" className={`text-sm ${said.isError ? "text-danger" : "text-done"}`}>
          {said.text}
        </p>
      )}
      <FileDiffs
        diff={`${staged}\n${diff}`}
        nothing={changes.length === 0 ? "Nothing has changed since the last commit." : ""}
      />
    </>
  );
}

function changeInWords({ index, worktree }: { index: string; worktree: string }): string {
  const sign = worktree === "." ? index : worktree;
  return { M: "changed", A: "new", D: "deleted", R: "renamed", "?": "new", U: "in conflict" }[sign] ?? sign;
}

function FileDiffs({ diff, nothing }: { diff: string; nothing: string }) {
  const files = filesOfDiff(diff);
  if (files.length === 0) return <p className="text-soft">{nothing}</p>;
  return files.map(({ path, lines }, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a file may stand twice, staged and not
    <section key={i} aria-label={path} className="min-w-0">
      <h2 className="flex items-center gap-2 pb-1 text-sm">
        <code className="min-w-0 flex-1 break-all">{path}</code>
        <Counts {...countOf(lines)} />
      </h2>
      <Diff lines={lines} isTall />
    </section>
  ));
}
