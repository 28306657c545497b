import { type Companion, connect, type EventCache, openEventCache } from "@claude-companion/client";
import { lazy, Suspense, useEffect, useState } from "react";
import { type Account, deviceName, type takeInvitation } from "./account.ts";
import { useConnection, useSessions } from "./hooks.ts";
import { CompanionContext } from "./parts/attachments.tsx";
import { ConnectionBar } from "./parts/connection-bar.tsx";
import { isMain, TabBar } from "./parts/tab-bar.tsx";
import { useScreen } from "./router.ts";
import { ConversationScreen } from "./screens/conversation.tsx";
import { Inbox } from "./screens/inbox.tsx";
import { Welcome } from "./screens/welcome.tsx";
import { messageOf } from "./words.ts";

// What is not on the way to a conversation comes when it is wanted.
const screens = {
  newSession: () => import("./screens/new-session.tsx"),
  settings: () => import("./screens/settings.tsx"),
  dashboard: () => import("./screens/dashboard.tsx"),
  devices: () => import("./screens/devices.tsx"),
  terminals: () => import("./screens/terminals.tsx"),
  files: () => import("./screens/files.tsx"),
  changes: () => import("./screens/changes.tsx"),
};
const NewSession = lazy(screens.newSession);
const Settings = lazy(screens.settings);
const Dashboard = lazy(screens.dashboard);
const Devices = lazy(screens.devices);
const Terminals = lazy(screens.terminals);
const Files = lazy(screens.files);
const Changes = lazy(screens.changes);
/** When there is nothing better to do, the rest is fetched, so that it is there without a network. */
const fetchRestAfterMs = 3_000;

/** The whole app: first let in, then connected. */
export function App({ account, invitation }: { account: Account; invitation: ReturnType<typeof takeInvitation> }) {
  const [house, setHouse] = useState<{ companion: Companion; cache: EventCache | undefined }>();
  const [isOut, setOut] = useState(false);
  const [trouble, setTrouble] = useState<string>();

  async function open(): Promise<void> {
    const token = await account.token();
    if (token === undefined) return setOut(true);
    setOut(false);
    const [companion, cache] = await Promise.all([
      connect({ url: location.origin, token, storage: account.storage, deviceName: deviceName() }),
      // A window that keeps nothing works, too.
      openEventCache("companion-events").catch(() => undefined),
    ]);
    setHouse({ companion, cache });
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
  if (house === undefined) return null;
  return (
    <CompanionContext value={house.companion}>
      <Connected
        {...house}
        account={account}
        onOut={async () => {
          house.companion.close();
          // What was said here is for nobody who finds this device later.
          await Promise.all([account.leave(), house.cache?.clear().catch(() => {})]);
          setHouse(undefined);
          setOut(true);
        }}
      />
    </CompanionContext>
  );
}

function Connected({
  companion,
  cache,
  account,
  onOut,
}: {
  companion: Companion;
  cache: EventCache | undefined;
  account: Account;
  onOut: () => Promise<void>;
}) {
  const screen = useScreen();
  const state = useConnection(companion);
  const known = useSessions(companion, account.storage);
  const ids = known.isFresh ? known.sessions?.map(({ sessionId }) => sessionId).join() : undefined;
  useEffect(() => {
    // Taken back: there is no way in any more but a new code.
    if (state.name === "closed") void onOut();
  }, [state, onOut]);
  useEffect(() => {
    // What is gone there is not kept here.
    if (ids !== undefined) cache?.keepOnly(ids.split(",")).catch(() => {});
  }, [ids, cache]);
  useEffect(() => {
    // What is kept here must not go when the browser wants room; it may say no.
    navigator.storage?.persist?.().catch(() => {});
    const timer = setTimeout(() => {
      for (const fetchScreen of Object.values(screens)) fetchScreen().catch(() => {});
    }, fetchRestAfterMs);
    return () => clearTimeout(timer);
  }, []);
  const open = "sessionId" in screen ? screen.sessionId : undefined;
  const session = known.sessions?.find(({ sessionId }) => sessionId === open);
  return (
    <div className="flex h-full flex-col">
      <ConnectionBar state={state} asOf={known.asOf} />
      <div className="flex min-h-0 flex-1">
        <aside
          aria-label="Sessions"
          className={`min-h-0 w-full flex-col border-line lg:flex lg:w-80 lg:border-r xl:w-96 ${screen.name === "inbox" ? "flex" : "hidden"}`}
        >
          <Inbox companion={companion} sessions={known.sessions} open={open} />
          <TabBar screen={screen.name} />
        </aside>
        <main className={`min-h-0 min-w-0 flex-1 flex-col ${screen.name === "inbox" ? "hidden lg:flex" : "flex"}`}>
          <Suspense fallback={<p className="m-auto text-soft">One moment…</p>}>
            {screen.name === "session" ? (
              <ConversationScreen
                key={screen.sessionId}
                companion={companion}
                cache={cache}
                session={session}
                sessionId={screen.sessionId}
                message={screen.message}
              />
            ) : screen.name === "files" ? (
              <Files companion={companion} session={session} sessionId={screen.sessionId} path={screen.path} />
            ) : screen.name === "changes" ? (
              <Changes companion={companion} session={session} sessionId={screen.sessionId} />
            ) : screen.name === "new" ? (
              <NewSession companion={companion} />
            ) : screen.name === "settings" ? (
              <Settings companion={companion} onOut={onOut} />
            ) : screen.name === "dashboard" ? (
              <Dashboard companion={companion} sessions={known.sessions} />
            ) : screen.name === "devices" ? (
              <Devices companion={companion} />
            ) : screen.name === "terminals" ? (
              <Terminals companion={companion} />
            ) : (
              <p className="m-auto text-soft">Choose a session, or begin one.</p>
            )}
          </Suspense>
        </main>
      </div>
      {/* Beside a conversation there is no room for it; on a desk it stands below the list. */}
      {isMain(screen.name) && screen.name !== "inbox" && <TabBar screen={screen.name} className="lg:hidden" />}
    </div>
  );
}
