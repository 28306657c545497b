import { createPositions } from "../delivery/index.ts";
import { start, user } from "../sessions/sessions.fixture.ts";
import { createAttention, createPush, type Notifier } from "./index.ts";
import type { PushMessage, SendResult } from "./providers/notifier.ts";

/** Something that was handed to a provider. */
export interface Sent extends PushMessage {
  to: string;
}

type Answer = (sent: Sent) => SendResult | Promise<SendResult>;

/** A platform that takes note of what it is given. */
function notifierOf(platform: Notifier["platform"], answer: () => Answer, sent: Sent[]): Notifier {
  return {
    platform,
    missing: undefined,
    takesSilent: platform === "apns",
    providerOf: () => platform,
    staleness: () => undefined,
    async send(address, message) {
      const to = address.platform === "apns" ? address.pushToken.slice(0, 4) : address.platform;
      sent.push({ to, ...message });
      return answer()({ to, ...message });
    },
    close() {},
  };
}

/** Sessions with a scripted agent, a clock that is moved by hand, and push to providers that only take note. */
export async function startPush(options: Parameters<typeof start>[0] & { escalateMs?: number } = {}) {
  const world = await start(options);
  const { storage, clock, sessions, report } = world;
  const positions = createPositions({ records: storage.records, clock, onError: () => {} });
  const attention = createAttention(clock);
  const sent: Sent[] = [];
  let answer: Answer = () => ({ outcome: "delivered", text: "it took it" });
  const open = () =>
    createPush({
      log: storage.log,
      records: storage.records,
      positions,
      prompts: sessions.prompts,
      attention,
      notifiers: (["apns", "fcm", "webPush", "ntfy", "webhook"] as const).map((platform) =>
        notifierOf(platform, () => answer, sent),
      ),
      vapidPublicKey: "key",
      publicUrl: "https://companion.example",
      escalateMs: options.escalateMs,
      heldMs: 100,
      report,
      clock,
      random: () => 1,
    });
  const push = await open();
  const register = async (
    name: string,
    change: Partial<Parameters<typeof push.register>[1]> = {},
    by: Awaited<ReturnType<typeof open>> = push,
  ) => {
    const pushToken = name.charCodeAt(0).toString(16).repeat(32);
    const owner = { user, tokenId: `token-${name}`, deviceId: `device-${name}`, deviceName: name };
    return (await by.register(owner, { platform: "apns", pushToken, ...change })).target;
  };
  return {
    ...world,
    push,
    open,
    positions,
    attention,
    sent,
    register,
    answer: (given: Answer) => {
      answer = given;
    },
  };
}
