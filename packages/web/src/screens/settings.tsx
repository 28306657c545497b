import type { Companion } from "@claude-companion/client";
import type { CommandAck, CommandInput } from "@claude-companion/protocol";
import { useState, useSyncExternalStore } from "react";
import { useAsked } from "../hooks.ts";
import { hasOffer, howToInstall, onInstall } from "../install.ts";
import { Button } from "../parts/button.tsx";
import { Card, Page } from "../parts/page.tsx";
import { canBeNotified, subscribeToPush } from "../push.ts";
import { messageOf } from "../words.ts";

type Target = CommandAck<"listPushTargets">["targets"][number];
type Change = NonNullable<CommandInput<"updatePushTarget">["preferences"]>;
type Reason = Target["preferences"]["reasons"][number];

const reasons: Readonly<Record<Reason, string>> = {
  permission: "Something waits to be allowed",
  question: "Claude asks something",
  turnFinished: "A turn is done",
  turnFailed: "A turn has failed",
  loginNeeded: "The agent must log in",
  limitReached: "A usage limit is reached",
  scheduleDone: "What was sent later is done",
};

/** Notifications, and the way out. */
export default function Settings({ companion, onOut }: { companion: Companion; onOut: () => Promise<void> }) {
  const { value, again } = useAsked("targets", () => companion.request("listPushTargets", {}));
  const [said, setSaid] = useState<string>();
  const [isLeaving, setLeaving] = useState(false);
  const own = value?.targets.find(
    ({ deviceId, platform }) => deviceId === companion.deviceId && platform === "webPush",
  );
  const missing = canBeNotified();
  // The offer may come after this screen.
  useSyncExternalStore(onInstall, hasOffer);
  const install = howToInstall();

  async function attempt(work: () => Promise<string | undefined>): Promise<void> {
    try {
      setSaid(await work());
    } catch (error) {
      setSaid(messageOf(error));
    }
    again();
  }
  const others = value?.targets.filter((target) => target !== own) ?? [];
  return (
    <Page title="Settings" back={null}>
      {install && (
        <Card title="As an app">
          {install.kind === "button" ? (
            <Button onClick={install.install}>Install it on this device</Button>
          ) : (
            <p className="text-soft text-sm">{install.words}</p>
          )}
        </Card>
      )}
      <Card title="Notifications on this device">
        {missing ? (
          <p className="text-soft text-sm">{missing}</p>
        ) : own ? (
          <>
            <Preferences
              target={own}
              onChange={(preferences) =>
                void attempt(async () => {
                  await companion.request("updatePushTarget", { targetId: own.targetId, preferences });
                  return undefined;
                })
              }
            />
            <div className="flex flex-wrap gap-2">
              <Button onClick={() => void attempt(() => tested(companion, own.targetId))}>Send a test</Button>
              <Button
                look="danger"
                onClick={() =>
                  void attempt(async () => {
                    await companion.request("removePushTarget", { targetId: own.targetId });
                    return "You are told nothing here any more.";
                  })
                }
              >
                Switch off
              </Button>
            </div>
          </>
        ) : (
          <Button look="primary" onClick={() => void attempt(() => subscribeToPush(companion))}>
            Tell me when I am needed
          </Button>
        )}
        {said && (
          <p role="status" className="text-soft text-sm">
            {said}
          </p>
        )}
      </Card>
      {others.length > 0 && (
        <Card title="Others that are told">
          <ul className="flex flex-col gap-2 text-sm">
            {others.map(({ targetId, name, platform, address, bad }) => (
              <li key={targetId} className="flex items-center gap-2">
                <span className="min-w-0 flex-1">
                  {name} · {platform} · {address}
                  {bad && <span className="block text-danger">{bad.reason}</span>}
                </span>
                <Button onClick={() => void attempt(() => tested(companion, targetId))}>Test</Button>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Card title="This device">
        <p className="text-soft text-sm">
          What this app has kept here is erased. Nothing is lost: the server has it all.
        </p>
        <Button look="danger" onClick={() => (isLeaving ? void onOut() : setLeaving(true))}>
          {isLeaving ? "Really forget it?" : "Forget this server"}
        </Button>
      </Card>
      <p className="text-center text-soft text-xs">
        {companion.state.name === "connected" && `Claude Companion Server ${companion.state.welcome.serverVersion} · `}
        <a href="/docs" target="_blank" rel="noopener noreferrer" className="underline">
          REST documentation
        </a>
      </p>
    </Page>
  );
}

/** What one is told, and when. */
function Preferences({ target: { preferences }, onChange }: { target: Target; onChange: (change: Change) => void }) {
  const { quietHours } = preferences;
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const quiet = quietHours ?? { from: "22:00", to: "07:00", timeZone };
  return (
    <div className="flex flex-col">
      {(Object.keys(reasons) as Reason[]).map((reason) => (
        <Switch
          key={reason}
          label={reasons[reason]}
          isOn={preferences.reasons.includes(reason)}
          onChange={(isOn) =>
            onChange({
              reasons: isOn ? [...preferences.reasons, reason] : preferences.reasons.filter((one) => one !== reason),
            })
          }
        />
      ))}
      <Switch
        label="Say what is asked, also on the lock screen"
        isOn={preferences.previews}
        onChange={(previews) => onChange({ previews })}
      />
      <Switch
        label="Also while I look at the session on another device"
        isOn={preferences.whileLookingElsewhere}
        onChange={(whileLookingElsewhere) => onChange({ whileLookingElsewhere })}
      />
      <Switch
        label="Quiet hours"
        isOn={quietHours !== null}
        onChange={(isOn) => onChange({ quietHours: isOn ? quiet : null })}
      />
      {quietHours !== null && (
        <p className="flex items-center gap-2 text-sm">
          {(["from", "to"] as const).map((end) => (
            <label key={end} className="flex items-center gap-2">
              {end}
              <input
                type="time"
                value={quietHours[end]}
                onChange={({ target }) =>
                  target.value && onChange({ quietHours: { ...quiet, timeZone, [end]: target.value } })
                }
                className="target rounded-lg border border-line bg-paper px-2 text-base"
              />
            </label>
          ))}
        </p>
      )}
    </div>
  );
}

function Switch({ label, isOn, onChange }: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <label className="target flex items-center gap-3 text-sm">
      <span className="flex-1">{label}</span>
      <input
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        onChange={({ target }) => onChange(target.checked)}
        className="size-5 accent-clay"
      />
    </label>
  );
}

async function tested(companion: Companion, targetId: string): Promise<string> {
  const { notifications } = await companion.request("testPush", { targetId });
  return notifications.map(({ trail }) => trail.map(({ text }) => text).join(" ")).join(" ");
}
