import { useState } from "react";
import { Button } from "../parts/button.tsx";

/** The way in, when there is none yet. */
export function Welcome({
  trouble,
  onEnter,
}: {
  trouble: string | undefined;
  onEnter: (given: { code: string } | { token: string }) => Promise<void>;
}) {
  const [given, setGiven] = useState("");
  const [isBusy, setBusy] = useState(false);
  const code = given.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  // A token is longer than any code.
  const meant = code.length === 8 && given.length <= 12 ? { code } : { token: given.trim() };
  return (
    <main className="mx-auto flex h-full max-w-md flex-col justify-center gap-4 p-6">
      <h1 className="font-semibold text-2xl">Claude Companion</h1>
      <p className="text-soft">
        On the machine where Claude works, run <code>claude-companion pair</code>, and scan what it shows, or type its
        code here. A token works, too.
      </p>
      <form
        className="flex flex-col gap-3"
        onSubmit={async (event) => {
          event.preventDefault();
          setBusy(true);
          await onEnter(meant);
          setBusy(false);
        }}
      >
        <input
          aria-label="Code or token"
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          value={given}
          onChange={(event) => setGiven(event.target.value)}
          className="target rounded-lg border border-line bg-raised px-3 text-base"
        />
        {trouble && (
          <p role="alert" className="text-danger text-sm">
            {trouble}
          </p>
        )}
        <Button look="primary" type="submit" disabled={isBusy || given.trim().length < 8}>
          Enter
        </Button>
      </form>
      {!isSecureContext && (
        <p className="text-soft text-sm">
          This address has no https: the app works, but cannot be installed, notify or open without the network.
        </p>
      )}
    </main>
  );
}
