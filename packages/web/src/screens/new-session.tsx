import { type Companion, uuid } from "@claude-companion/client";
import type { CommandInput } from "@claude-companion/protocol";
import { FolderGit2, FolderOpen } from "lucide-react";
import { useRef, useState } from "react";
import { useAsked, useConnection } from "../hooks.ts";
import { Button } from "../parts/button.tsx";
import { field } from "../parts/field.ts";
import { Page } from "../parts/page.tsx";
import { goInstead } from "../router.ts";
import { ago, messageOf, permissionModes } from "../words.ts";

type Mode = NonNullable<CommandInput<"createSession">["permissionMode"]>;
const lastModelKey = "last-model";

/** A session begins: where, how, and with what. */
export default function NewSession({ companion }: { companion: Companion }) {
  const projects = useAsked("projects", () => companion.request("listProjects", {})).value?.projects ?? [];
  const connection = useConnection(companion);
  const agents = connection.name === "connected" ? connection.welcome.agents : [];
  const [chosen, setDirectory] = useState<string>();
  const [permissionMode, setMode] = useState<Mode>("default");
  const [model, setModel] = useState(() => localStorage.getItem(lastModelKey) ?? "");
  const [text, setText] = useState("");
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  /** The same attempt, tried again after a lost answer, makes nothing twice. */
  const sessionId = useRef(uuid());
  const workingDirectory = chosen ?? projects[0]?.directory ?? "";
  const [agent] = agents;
  const modes = agent?.capabilities.permissionModes ?? ["default"];

  async function begin(): Promise<void> {
    setBusy(true);
    localStorage.setItem(lastModelKey, model);
    try {
      const { session } = await companion.request("createSession", {
        workingDirectory,
        permissionMode,
        sessionId: sessionId.current,
        reuse: false,
        ...(model.trim() === "" ? {} : { model: model.trim() }),
        ...(text.trim() === "" ? {} : { initialPrompt: { messageId: sessionId.current, content: text.trim() } }),
      });
      goInstead(`/session/${session.sessionId}`);
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  }
  return (
    <Page title="New session">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void begin();
        }}
      >
        <label className="flex flex-col gap-1">
          First message
          <textarea
            rows={4}
            dir="auto"
            value={text}
            placeholder="What shall Claude do?"
            onChange={(event) => setText(event.target.value)}
            className={`${field} py-2`}
          />
        </label>
        <label className="flex flex-col gap-1">
          Directory
          <input
            required
            value={workingDirectory}
            // What somebody is about to write in is not changed under their hands by what we propose.
            onFocus={() => setDirectory(workingDirectory)}
            onChange={(event) => setDirectory(event.target.value)}
            spellCheck={false}
            autoCapitalize="off"
            className={field}
          />
        </label>
        {projects.length > 0 && (
          <ul className="max-h-60 overflow-y-auto rounded-card border border-line bg-raised" aria-label="Projects">
            {projects.map(({ directory, isRepository, branch, dirty, lastActivityAt }) => (
              <li key={directory} className="border-line border-b last:border-0">
                <button
                  type="button"
                  aria-pressed={directory === workingDirectory}
                  onClick={() => setDirectory(directory)}
                  className={`target flex w-full items-center gap-3 px-3 text-left text-sm ${directory === workingDirectory ? "bg-sunken" : ""}`}
                >
                  {isRepository ? (
                    <FolderGit2 aria-hidden className="size-4 shrink-0 text-soft" />
                  ) : (
                    <FolderOpen aria-hidden className="size-4 shrink-0 text-soft" />
                  )}
                  <span className="min-w-0 flex-1 truncate">{directory.split("/").at(-1)}</span>
                  <span className="min-w-0 truncate text-soft text-xs">
                    {branch}
                    {dirty ? " · changed" : ""}
                    {lastActivityAt ? ` · ${ago(lastActivityAt)}` : ""}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <label className="flex flex-col gap-1">
          What Claude may do
          <select value={permissionMode} onChange={(event) => setMode(event.target.value as Mode)} className={field}>
            {modes.map((mode) => (
              <option key={mode} value={mode}>
                {permissionModes[mode] ?? mode}
              </option>
            ))}
          </select>
        </label>
        <label className="flex flex-col gap-1">
          Model
          <input
            list="models"
            value={model}
            placeholder="The agent's own choice"
            onChange={(event) => setModel(event.target.value)}
            spellCheck={false}
            autoCapitalize="off"
            className={field}
          />
          <datalist id="models">
            {["opus", "sonnet", "haiku"].map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        {failure && (
          <p role="alert" className="text-danger text-sm">
            {failure}
          </p>
        )}
        <Button look="primary" type="submit" disabled={isBusy || workingDirectory === ""}>
          Begin
        </Button>
      </form>
    </Page>
  );
}
