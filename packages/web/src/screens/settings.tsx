import type { Companion } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useEffect, useState } from "react";
import { BackButton } from "../parts/back-button.tsx";
import { Button } from "../parts/button.tsx";
import { canBeNotified, subscribeToPush } from "../push.ts";
import { messageOf } from "../words.ts";

type Target = CommandAck<"listPushTargets">["targets"][number];

/** Notifications, and the way out. */
export function Settings({ companion, onOut }: { companion: Companion; onOut: () => Promise<void> }) {
  const [targets, setTargets] = useState<readonly Target[]>([]);
  const [said, setSaid] = useState<string>();
  const load = () =>
    companion.request("listPushTargets", {}).then(
      ({ targets: found }) => setTargets(found),
      () => {},
    );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `load` is made anew each time and does the same
  useEffect(() => void load(), [companion]);
  const own = targets.find(({ deviceId, platform }) => deviceId === companion.deviceId && platform === "webPush");
  const missing = canBeNotified();

  async function attempt(work: () => Promise<string>): Promise<void> {
    try {
      setSaid(await work());
    } catch (error) {
      setSaid(messageOf(error));
    }
    await load();
  }
  return (
    <div className="mx-auto flex w-full max-w-xl flex-col gap-4 overflow-y-auto p-4">
      <header className="flex items-center gap-2">
        <BackButton />
        <h1 className="font-semibold text-lg">Settings</h1>
      </header>
      <section className="flex flex-col gap-3 rounded-card border border-line bg-raised p-4">
        <h2 className="font-medium">Notifications on this device</h2>
        {missing ? (
          <p className="text-soft text-sm">{missing}</p>
        ) : own ? (
          <div className="flex gap-2">
            <Button onClick={() => attempt(() => tested(companion, own.targetId))}>Send a test</Button>
            <Button
              look="danger"
              onClick={() =>
                attempt(async () => {
                  await companion.request("removePushTarget", { targetId: own.targetId });
                  return "You are told nothing here any more.";
                })
              }
            >
              Switch off
            </Button>
          </div>
        ) : (
          <Button look="primary" onClick={() => attempt(() => subscribeToPush(companion))}>
            Tell me when I am needed
          </Button>
        )}
        {said && (
          <p role="status" className="text-soft text-sm">
            {said}
          </p>
        )}
      </section>
      <section className="flex flex-col gap-3 rounded-card border border-line bg-raised p-4">
        <h2 className="font-medium">This device</h2>
        <Button look="danger" onClick={() => void onOut()}>
          Forget this server
        </Button>
      </section>
    </div>
  );
}

async function tested(companion: Companion, targetId: string): Promise<string> {
  const { notifications } = await companion.request("testPush", { targetId });
  return notifications.map(({ trail }) => trail.map(({ text }) => text).join(" ")).join(" ");
}
