import type { Companion } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useEffect, useState } from "react";
import { BackButton } from "../parts/back-button.tsx";
import { Button } from "../parts/button.tsx";
import { go } from "../router.ts";
import { messageOf } from "../words.ts";

const modes = {
  default: "Ask before anything is changed",
  acceptEdits: "Edit files without asking",
  plan: "Plan first",
} as const;
type Mode = keyof typeof modes;
const field = "target w-full rounded-lg border border-line bg-raised px-3 text-base";

/** A session begins: where, how, and with what. */
export function NewSession({ companion }: { companion: Companion }) {
  const [projects, setProjects] = useState<CommandAck<"listProjects">["projects"]>([]);
  const [workingDirectory, setDirectory] = useState("");
  const [permissionMode, setMode] = useState<Mode>("default");
  const [text, setText] = useState("");
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    companion.request("listProjects", {}).then(
      ({ projects: found }) => {
        setProjects(found);
        setDirectory((now) => now || (found[0]?.directory ?? ""));
      },
      () => {},
    );
  }, [companion]);

  async function begin(): Promise<void> {
    setBusy(true);
    try {
      const { session } = await companion.request("createSession", { workingDirectory, permissionMode, reuse: false });
      if (text.trim() !== "") void companion.send(session.sessionId, text.trim());
      go(`/session/${session.sessionId}`);
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  }
  return (
    <form
      className="mx-auto flex w-full max-w-xl flex-col gap-4 overflow-y-auto p-4"
      onSubmit={(event) => {
        event.preventDefault();
        void begin();
      }}
    >
      <header className="flex items-center gap-2">
        <BackButton />
        <h1 className="font-semibold text-lg">New session</h1>
      </header>
      <label className="flex flex-col gap-1">
        Directory
        <input
          list="projects"
          required
          value={workingDirectory}
          onChange={(event) => setDirectory(event.target.value)}
          className={field}
        />
        <datalist id="projects">
          {projects.map(({ directory }) => (
            <option key={directory} value={directory} />
          ))}
        </datalist>
      </label>
      <label className="flex flex-col gap-1">
        What Claude may do
        <select value={permissionMode} onChange={(event) => setMode(event.target.value as Mode)} className={field}>
          {Object.entries(modes).map(([mode, words]) => (
            <option key={mode} value={mode}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label className="flex flex-col gap-1">
        First message
        <textarea
          rows={4}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className={`${field} py-2`}
        />
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
  );
}
