import { type Companion, connect } from "@claude-companion/client";
import { useEffect, useState } from "react";
import { type Account, deviceName, type takeInvitation } from "./account.ts";
import { useConnection } from "./hooks.ts";
import { ConnectionBar } from "./parts/connection-bar.tsx";
import { useScreen } from "./router.ts";
import { ConversationScreen } from "./screens/conversation.tsx";
import { Inbox } from "./screens/inbox.tsx";
import { NewSession } from "./screens/new-session.tsx";
import { Settings } from "./screens/settings.tsx";
import { Welcome } from "./screens/welcome.tsx";
import { messageOf } from "./words.ts";

/** The whole app: first let in, then connected. */
export function App({ account, invitation }: { account: Account; invitation: ReturnType<typeof takeInvitation> }) {
  const [companion, setCompanion] = useState<Companion>();
  const [isOut, setOut] = useState(false);
  const [trouble, setTrouble] = useState<string>();

  async function open(): Promise<void> {
    const token = await account.token();
    if (token === undefined) return setOut(true);
    setOut(false);
    setCompanion(await connect({ url: location.origin, token, storage: account.storage, deviceName: deviceName() }));
  }
  async function enter(given: NonNullable<typeof invitation>): Promise<void> {
    try {
      await account.enter(given);
      setTrouble(undefined);
      await open();
    } catch (error) {
      setTrouble(messageOf(error));
      setOut(true);
    }
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is opened
  useEffect(() => {
    void (invitation ? enter(invitation) : open());
  }, []);

  if (isOut) return <Welcome trouble={trouble} onEnter={enter} />;
  if (companion === undefined) return null;
  return (
    <Connected
      companion={companion}
      onOut={async () => {
        companion.close();
        await account.leave();
        setCompanion(undefined);
        setOut(true);
      }}
    />
  );
}

function Connected({ companion, onOut }: { companion: Companion; onOut: () => Promise<void> }) {
  const screen = useScreen();
  const state = useConnection(companion);
  useEffect(() => {
    // Taken back: there is no way in any more but a new code.
    if (state.name === "closed") void onOut();
  }, [state, onOut]);
  const open = screen.name === "session" ? screen.sessionId : undefined;
  return (
    <div className="flex h-full flex-col">
      <ConnectionBar state={state} />
      <div className="flex min-h-0 flex-1">
        <aside
          aria-label="Sessions"
          className={`min-h-0 w-full flex-col border-line lg:flex lg:w-96 lg:border-r ${screen.name === "inbox" ? "flex" : "hidden"}`}
        >
          <Inbox companion={companion} open={open} />
        </aside>
        <main className={`min-h-0 min-w-0 flex-1 flex-col ${screen.name === "inbox" ? "hidden lg:flex" : "flex"}`}>
          {screen.name === "session" ? (
            <ConversationScreen key={screen.sessionId} companion={companion} sessionId={screen.sessionId} />
          ) : screen.name === "new" ? (
            <NewSession companion={companion} />
          ) : screen.name === "settings" ? (
            <Settings companion={companion} onOut={onOut} />
          ) : (
            <p className="m-auto text-soft">Choose a session, or begin one.</p>
          )}
        </main>
      </div>
    </div>
  );
}
