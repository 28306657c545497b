import { readFileSync } from "node:fs";
import { CompanionError } from "@claude-companion/protocol";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { messageOf } from "./message-of.ts";
import { parseJson } from "./parse-json.ts";
import {
  type ApnsKey,
  createApns,
  createFcm,
  createNtfy,
  createWebhook,
  createWebPush,
  FcmCredentials,
  type Notifier,
} from "./push/index.ts";

/**
 * The ways to reach people, as the settings have them.
 * @throws CompanionError `INVALID_REQUEST` for a key that is missing, cannot be read or is none
 */
export function notifiersOf(
  config: Config,
  parts: { vapidKeys: { publicKey: string; privateKey: string }; clock: Clock },
): Notifier[] {
  const { clock } = parts;
  const publicUrl = config.PUBLIC_URL;
  const isPublic = publicUrl?.startsWith("https://") && new URL(publicUrl).hostname !== "localhost";
  const contact = config.WEB_PUSH_CONTACT ?? (isPublic ? publicUrl : undefined);
  return [
    createApns({ key: apnsKeyOf(config), origin: config.APNS_URL?.replace(/\/$/, ""), clock }),
    createFcm({ credentials: fcmCredentialsOf(config), origin: config.FCM_URL?.replace(/\/$/, ""), clock }),
    createWebPush({ keys: parts.vapidKeys, contact, clock }),
    createNtfy({ publicUrl, clock }),
    createWebhook({ clock }),
  ] as Notifier[];
}

function apnsKeyOf({ APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC }: Config): ApnsKey | undefined {
  const given = { APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC };
  const missing = Object.entries(given).filter(([, value]) => value === undefined);
  if (missing.length === 4) return undefined;
  if (APNS_KEY === undefined || APNS_KEY_ID === undefined || APNS_TEAM_ID === undefined || APNS_TOPIC === undefined)
    throw new CompanionError(
      "INVALID_REQUEST",
      `${missing.map(([name]) => name).join(" and ")} must be set, too, for notifications by Apple.`,
    );
  const pem = read("APNS_KEY", APNS_KEY);
  if (!pem.includes("BEGIN PRIVATE KEY"))
    throw new CompanionError(
      "INVALID_REQUEST",
      `APNS_KEY: ${APNS_KEY} is no .p8 key. Download it from Apple once more.`,
    );
  return { pem, keyId: APNS_KEY_ID, teamId: APNS_TEAM_ID, topic: APNS_TOPIC };
}

function fcmCredentialsOf({ FCM_CREDENTIALS }: Config) {
  if (FCM_CREDENTIALS === undefined) return undefined;
  const parsed = FcmCredentials.safeParse(parseJson(read("FCM_CREDENTIALS", FCM_CREDENTIALS)));
  if (parsed.success) return parsed.data;
  throw new CompanionError(
    "INVALID_REQUEST",
    `FCM_CREDENTIALS: ${FCM_CREDENTIALS} is no key of a service account. Take the JSON file of the Firebase console.`,
  );
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CompanionError("INVALID_REQUEST", `${setting}: ${path} cannot be read (${messageOf(error)}).`);
  }
}
