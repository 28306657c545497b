import { z } from "zod";
import { SessionId, Timestamp } from "../ids.ts";
import {
  Notification,
  PushConfiguration,
  PushPlatform,
  PushPreferences,
  PushTarget,
  standardPushPreferences,
  WebPushSubscription,
} from "../push.ts";
import { command } from "./command.ts";
import * as example from "./examples.ts";

const targetId = "9b0e6a54-3b0e-4c4e-9f5d-1c2b3a495867";
const notificationId = "2f6a0b0e-51a6-4f3b-8b60-2d8b5f9d7c11";
const target: z.infer<typeof PushTarget> = {
  targetId,
  deviceId: example.deviceId,
  name: "Ada's phone",
  platform: "apns",
  environment: "production",
  address: "…1f60c3",
  preferences: standardPushPreferences,
  createdAt: example.timestamp,
};
const notification: z.infer<typeof Notification> = {
  notificationId,
  at: example.timestamp,
  sessionId: example.sessionId,
  permissionId: "toolu_01",
  reason: "permission",
  targetId,
  targetName: target.name,
  platform: "apns",
  step: 0,
  state: "sent",
  attempts: 1,
  trail: [
    { at: example.timestamp, text: "Decided: a permission waits, and the device is not looking." },
    { at: example.timestamp, text: "Handed to Apple, which took it." },
  ],
};
const changes = PushPreferences.partial();

/** Being told while away. */
export const pushCommands = {
  registerDevice: command({
    summary: "Be told on this device, or by a channel. The same address again revives it and keeps its preferences.",
    rest: { method: "POST", path: "/api/push-notifications/targets", status: 201 },
    data: z
      .object({
        platform: PushPlatform,
        pushToken: z
          .string()
          .min(16)
          .max(4_096)
          .regex(/^[\w:.-]+$/)
          .optional()
          .meta({ description: "`apns`: the device token in hexadecimal. `fcm`: the registration token." }),
        webPushSubscription: WebPushSubscription.optional(),
        url: z
          .url({ protocol: /^https?$/ })
          .max(2_000)
          .optional()
          .meta({ description: "`ntfy`: the topic's address, https://ntfy.sh/my-topic. `webhook`: where to POST." }),
        secret: z.string().min(1).max(1_000).optional().meta({
          description: "`ntfy`: an access token. `webhook`: signs; made and given back when left out.",
        }),
        environment: PushTarget.shape.environment.meta({ description: "`apns`: by default `production`." }),
        topic: z
          .string()
          .max(200)
          .optional()
          .meta({ description: "`apns`: the app's bundle id, if it is not APNS_TOPIC." }),
        name: z.string().max(100).optional(),
        preferences: changes.optional(),
      })
      .refine(
        ({ platform, pushToken }) => !["apns", "fcm"].includes(platform) || pushToken !== undefined,
        "apns and fcm need `pushToken`",
      )
      .refine(
        ({ platform, webPushSubscription }) => platform !== "webPush" || webPushSubscription !== undefined,
        "webPush needs `webPushSubscription`",
      )
      .refine(
        ({ platform, url }) => !["ntfy", "webhook"].includes(platform) || url !== undefined,
        "ntfy and webhook need `url`",
      ),
    ack: z.object({
      target: PushTarget,
      secret: z.string().optional().meta({ description: "Of a webhook, once: keep it." }),
    }),
    errors: ["CONFLICT"],
    example: {
      data: { platform: "apns", pushToken: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b781f60c3" },
      ack: { target },
    },
  }),
  listPushTargets: command({
    summary: "Where you are told.",
    rest: { method: "GET", path: "/api/push-notifications/targets" },
    data: z.object({}),
    ack: z.object({ targets: z.array(PushTarget) }),
    example: { data: {}, ack: { targets: [target] } },
  }),
  updatePushTarget: command({
    summary: "Change its name or what it is told. What is left out stays.",
    rest: { method: "PUT", path: "/api/push-notifications/targets/{targetId}" },
    data: z.object({ targetId: z.uuid(), name: z.string().max(100).optional(), preferences: changes.optional() }),
    ack: z.object({ target: PushTarget }),
    errors: ["NOT_FOUND"],
    example: {
      data: { targetId, preferences: { previews: true } },
      ack: { target: { ...target, preferences: { ...standardPushPreferences, previews: true } } },
    },
  }),
  removePushTarget: command({
    summary: "Tell nothing there any more. What waited for it is withdrawn.",
    rest: { method: "DELETE", path: "/api/push-notifications/targets/{targetId}" },
    data: z.object({ targetId: z.uuid() }),
    ack: z.object({}),
    errors: ["NOT_FOUND"],
    example: { data: { targetId }, ack: {} },
  }),
  getPushConfiguration: command({
    summary: "Which platforms are set up here, what is missing, and the key for browsers.",
    rest: { method: "GET", path: "/api/push-notifications/configuration" },
    data: z.object({}),
    ack: PushConfiguration,
    example: { data: {}, ack: { platforms: [{ platform: "apns", configured: true }] } },
  }),
  testPush: command({
    summary: "Send a notification now, to one target or to all of yours, and wait for what the provider says.",
    rest: { method: "POST", path: "/api/push-notifications/test" },
    data: z.object({ targetId: z.uuid().optional() }),
    ack: z.object({ notifications: z.array(Notification) }),
    errors: ["NOT_FOUND"],
    example: {
      data: {},
      ack: {
        notifications: [{ ...notification, reason: "test", sessionId: undefined, permissionId: undefined }],
      },
    },
  }),
  getPushStats: command({
    summary: "Counts since the server started, and how many targets there are.",
    rest: { method: "GET", path: "/api/push-notifications/stats" },
    data: z.object({}),
    ack: z.object({
      isConfigured: z.boolean(),
      configuredDevices: z.int(),
      badTokens: z.int(),
      retryingTokens: z.int().meta({ description: "Targets that something waits for after a failed attempt." }),
      sent: z.int(),
      failed: z.int(),
      byReason: z.record(z.string(), z.int()).meta({ description: "Sent, by reason." }),
    }),
    example: {
      data: {},
      ack: {
        isConfigured: true,
        configuredDevices: 2,
        badTokens: 0,
        retryingTokens: 0,
        sent: 12,
        failed: 0,
        byReason: { permission: 9, turnFinished: 3 },
      },
    },
  }),
  listBadTokens: command({
    summary: "Targets that their provider says are dead.",
    rest: { method: "GET", path: "/api/push-notifications/bad-tokens" },
    data: z.object({}),
    ack: z.object({ targets: z.array(PushTarget) }),
    example: {
      data: {},
      ack: { targets: [{ ...target, bad: { at: example.timestamp, reason: "Apple: Unregistered" } }] },
    },
  }),
  clearBadTokens: command({
    summary: "Forget them.",
    rest: { method: "DELETE", path: "/api/push-notifications/bad-tokens" },
    data: z.object({}),
    ack: z.object({ cleared: z.int() }),
    example: { data: {}, ack: { cleared: 1 } },
  }),
  listNotifications: command({
    summary: "What was told, or was not and why, the newest first.",
    rest: { method: "GET", path: "/api/push-notifications/log" },
    data: z.object({
      sessionId: SessionId.optional(),
      targetId: z.uuid().optional(),
      limit: z.int().min(1).max(500).default(50),
      before: z.string().max(200).optional().meta({ description: "`next` of the page before." }),
    }),
    ack: z.object({ notifications: z.array(Notification), next: z.string().optional() }),
    example: { data: { limit: 50 }, ack: { notifications: [notification] } },
  }),
  explainPush: command({
    summary: "Why did I get something, or nothing? In words, for one session.",
    rest: { method: "GET", path: "/api/push-notifications/explain" },
    data: z.object({ sessionId: SessionId, deviceId: z.uuid().optional() }),
    ack: z.object({ lines: z.array(z.string()) }),
    example: {
      data: example.inSession,
      ack: { lines: ["13:00:00 Ada's phone (apns): a permission waited. Sent; Apple took it; shown; not opened."] },
    },
  }),
  reportReceipt: command({
    summary: "The app or the service worker tells that a notification was shown, or opened by the person.",
    rest: { method: "POST", path: "/api/push-notifications/receipts" },
    data: z.object({ notificationId: z.uuid(), event: z.enum(["shown", "opened"]), at: Timestamp.optional() }),
    ack: z.object({}),
    errors: ["NOT_FOUND"],
    example: { data: { notificationId, event: "shown" }, ack: {} },
  }),
};
