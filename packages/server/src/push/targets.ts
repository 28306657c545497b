import { randomBytes } from "node:crypto";
import {
  type CommandData,
  CompanionError,
  PushPreferences,
  type PushTarget,
  standardPushPreferences,
} from "@claude-companion/protocol";
import { type Clock, isoTime } from "../clock.ts";
import type { PushAddress, PushTargetRecord, Records } from "../records/index.ts";
import { uuidOf } from "../uuid-of.ts";
import { isChannel } from "./channel.ts";

const targetsMax = 10_000;

/** Who registers. */
export interface Owner {
  user: string;
  tokenId: string;
  deviceId: string;
  deviceName: string;
}

/** Where people are reached. */
export interface Targets {
  /**
   * Registers an address, or registers it anew, which revives one that was dead. An app's older address on the same
   * device goes: it was replaced.
   * @returns the webhook's secret, if it was made here
   * @throws CompanionError `INVALID_REQUEST`, `CONFLICT`
   */
  register(
    owner: Owner,
    request: CommandData<"registerDevice">,
    vapidPublicKey: string,
  ): Promise<{ target: PushTargetRecord; secret: string | undefined }>;
  list(user: string): PushTargetRecord[];
  /** @throws CompanionError `NOT_FOUND`, also for another user's */
  get(user: string, targetId: string): PushTargetRecord;
  find(targetId: string): PushTargetRecord | undefined;
  all(): PushTargetRecord[];
  update(
    user: string,
    targetId: string,
    change: { name?: string | undefined; preferences?: Partial<PushPreferences> | undefined },
  ): Promise<PushTargetRecord>;
  remove(user: string, targetId: string): Promise<void>;
  markSent(targetId: string): Promise<void>;
  /** Its provider says that it is dead: nothing is sent there until it registers anew. */
  markBad(targetId: string, reason: string): Promise<void>;
  readonly count: number;
}

/** Opens what is registered. All of it is held in memory: it is little, and asked for at each event. */
export async function createTargets(options: {
  records: Pick<Records, "pushTargets">;
  clock: Pick<Clock, "now">;
}): Promise<Targets> {
  const { records, clock } = options;
  const known = new Map((await records.pushTargets.list()).map((target) => [target.targetId, target]));

  async function save(target: PushTargetRecord): Promise<PushTargetRecord> {
    await records.pushTargets.save(target);
    known.set(target.targetId, target);
    return target;
  }
  async function drop(targetId: string): Promise<void> {
    await records.pushTargets.remove(targetId);
    known.delete(targetId);
  }
  const targets: Targets = {
    async register({ user, tokenId, deviceId, deviceName }, request, vapidPublicKey) {
      const { address, secret } = addressOf(request, vapidPublicKey);
      const targetId = uuidOf(`${user}\n${identityOf(address)}`);
      const earlier = known.get(targetId);
      if (earlier === undefined && targets.list(user).length >= targetsMax)
        throw new CompanionError("CONFLICT", `You are told in ${targetsMax} places already. Remove some.`);
      // An app has one address on a device; channels may be several.
      const isApp = !isChannel(address.platform);
      for (const other of targets.list(user)) {
        const isOlder = other.deviceId === deviceId && identityKind(other.address) === identityKind(address);
        if (isApp && isOlder && other.targetId !== targetId) await drop(other.targetId);
      }
      const target = await save({
        targetId,
        user,
        deviceId,
        tokenId,
        name: request.name?.trim() || earlier?.name || (isApp ? deviceName : shownAddress(address)),
        // A webhook that is registered again without a secret keeps the one it knows.
        address: earlier?.address.platform === "webhook" && request.secret === undefined ? earlier.address : address,
        preferences: preferencesOf({ ...standardPushPreferences, ...earlier?.preferences }, request.preferences),
        createdAt: earlier?.createdAt ?? clock.now(),
        lastSentAt: earlier?.lastSentAt,
        bad: undefined,
      });
      return { target, secret: earlier === undefined ? secret : undefined };
    },
    list: (user) =>
      [...known.values()].filter((target) => target.user === user).sort((a, b) => a.createdAt - b.createdAt),
    get(user, targetId) {
      const target = known.get(targetId);
      if (target?.user === user) return target;
      throw new CompanionError(
        "NOT_FOUND",
        `There is no push target ${targetId}. List yours with GET /api/push-notifications/targets.`,
      );
    },
    find: (targetId) => known.get(targetId),
    all: () => [...known.values()],
    async update(user, targetId, { name, preferences }) {
      const target = targets.get(user, targetId);
      return save({
        ...target,
        name: name?.trim() || target.name,
        preferences: preferencesOf(target.preferences, preferences),
      });
    },
    async remove(user, targetId) {
      targets.get(user, targetId);
      await drop(targetId);
    },
    async markSent(targetId) {
      const target = known.get(targetId);
      if (target) await save({ ...target, lastSentAt: clock.now() });
    },
    async markBad(targetId, reason) {
      const target = known.get(targetId);
      if (target) await save({ ...target, bad: { at: clock.now(), reason } });
    },
    get count() {
      return known.size;
    },
  };
  return targets;
}

/** A target as people may see it: without what it takes to reach it. */
export function targetOf({
  address,
  createdAt,
  lastSentAt,
  bad,
  user: _user,
  tokenId: _tokenId,
  ...target
}: PushTargetRecord): PushTarget {
  return {
    ...target,
    platform: address.platform,
    environment: address.platform === "apns" ? address.environment : undefined,
    address: shownAddress(address),
    createdAt: isoTime(createdAt),
    lastSentAt: lastSentAt === undefined ? undefined : isoTime(lastSentAt),
    bad: bad && { at: isoTime(bad.at), reason: bad.reason },
  };
}

function shownAddress(address: PushAddress): string {
  switch (address.platform) {
    case "apns":
    case "fcm":
      return `…${address.pushToken.slice(-6)}`;
    case "webPush":
      return new URL(address.subscription.endpoint).host;
    case "ntfy":
    case "webhook":
      return new URL(address.url).host;
    default:
      return address satisfies never;
  }
}

/** The same identity is the same target. */
function identityOf(address: PushAddress): string {
  switch (address.platform) {
    case "apns":
    case "fcm":
      return `${address.platform} ${address.pushToken}`;
    case "webPush":
      return `webPush ${address.subscription.endpoint}`;
    case "ntfy":
    case "webhook":
      return `${address.platform} ${address.url}`;
    default:
      return address satisfies never;
  }
}

/** What a device has one of: an app's build for testing and the one of the store are two. */
const identityKind = (address: PushAddress): string =>
  address.platform === "apns" ? `apns ${address.environment} ${address.topic ?? ""}` : address.platform;

function addressOf(
  request: CommandData<"registerDevice">,
  vapidPublicKey: string,
): { address: PushAddress; secret: string | undefined } {
  const { platform, pushToken = "", webPushSubscription, url = "", secret } = request;
  const known = (address: PushAddress) => ({ address, secret: undefined });
  switch (platform) {
    case "apns":
      if (!/^[0-9a-f]{64,200}$/i.test(pushToken))
        throw new CompanionError(
          "INVALID_REQUEST",
          "`pushToken` of apns is the device token in hexadecimal, 64 digits or more.",
        );
      return known({
        platform,
        pushToken: pushToken.toLowerCase(),
        environment: request.environment ?? "production",
        topic: request.topic,
      });
    case "fcm":
      return known({ platform, pushToken });
    case "webPush":
      if (webPushSubscription === undefined)
        throw new CompanionError("INVALID_REQUEST", "webPush needs `webPushSubscription`.");
      return known({ platform, subscription: webPushSubscription, vapidPublicKey });
    case "ntfy":
      if (!/^\/(.*\/)?[\w-]{1,64}\/?$/.test(new URL(url).pathname))
        throw new CompanionError("INVALID_REQUEST", "`url` of ntfy ends with the topic: https://ntfy.sh/my-topic.");
      return known({ platform, url, accessToken: secret });
    case "webhook": {
      if (secret !== undefined && !/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(secret))
        throw new CompanionError(
          "INVALID_REQUEST",
          "`secret` of a webhook is whsec_ and at least 24 bytes in base64. Leave it out, and one is made.",
        );
      const made = secret ?? `whsec_${randomBytes(24).toString("base64")}`;
      return { address: { platform, url, secret: made }, secret: secret === undefined ? made : undefined };
    }
    default:
      return platform satisfies never;
  }
}

function preferencesOf(before: PushPreferences, change: Partial<PushPreferences> | undefined): PushPreferences {
  const preferences = PushPreferences.parse({ ...before, ...change });
  try {
    new Intl.DateTimeFormat("en", { timeZone: preferences.quietHours?.timeZone ?? "UTC" });
  } catch {
    throw new CompanionError(
      "INVALID_REQUEST",
      `${preferences.quietHours?.timeZone} is no time zone. Write it as Europe/Berlin.`,
    );
  }
  return preferences;
}
