import { z } from "zod";
import { PermissionId, SessionId, Timestamp } from "./ids.ts";

/**
 * Why a person is told. `permission`: something waits to be allowed (a tool, a plan, a budget). `question`: the agent asks.
 * `scheduleDone`: what was sent by a schedule has been worked on.
 */
export const PushReason = z.enum([
  "permission",
  "question",
  "turnFinished",
  "turnFailed",
  "loginNeeded",
  "limitReached",
  "scheduleDone",
]);
export type PushReason = z.infer<typeof PushReason>;

/** How a person is reached: an app of Apple's or Google's, a browser, or a channel for those who have no app. */
export const PushPlatform = z.enum(["apns", "fcm", "webPush", "ntfy", "webhook"]);
export type PushPlatform = z.infer<typeof PushPlatform>;

const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "write it as 22:30");

/** What a target wants to be told, and when. */
export const PushPreferences = z.object({
  enabled: z.boolean(),
  reasons: z.array(PushReason).meta({ description: "Only these." }),
  projects: z
    .array(z.string().min(1).max(4_096))
    .max(100)
    .optional()
    .meta({ description: "Only sessions in these directories and below. Absent: all." }),
  quietHours: z
    .object({ from: TimeOfDay, to: TimeOfDay, timeZone: z.string().max(100) })
    .nullable()
    .meta({ description: "What still waits for an answer is told when they are over, the rest not at all." }),
  perHourMax: z.int().min(1).max(10_000),
  previews: z
    .boolean()
    .meta({ description: "Whether the text says what is asked and was said. Else only project and reason." }),
  whileLookingElsewhere: z
    .boolean()
    .meta({ description: "Also while the person looks at the session on another device." }),
  step: z
    .int()
    .min(0)
    .max(9)
    .meta({ description: "0: told at once. Higher: told when nobody on the steps before has seen or answered it." }),
});
export type PushPreferences = z.infer<typeof PushPreferences>;

/** What somebody gets who said nothing about it. */
export const standardPushPreferences: PushPreferences = {
  enabled: true,
  reasons: [...PushReason.options],
  quietHours: null,
  perHourMax: 100,
  previews: false,
  whileLookingElsewhere: true,
  step: 0,
};

/** Where a person is reached. What it takes to reach it is kept and never shown. */
export const PushTarget = z.object({
  targetId: z.uuid(),
  deviceId: z.string(),
  name: z.string(),
  platform: PushPlatform,
  environment: z.enum(["production", "sandbox"]).optional().meta({ description: "Apple's; for `apns`." }),
  address: z.string().meta({ description: "Enough of it to tell two apart." }),
  preferences: PushPreferences,
  createdAt: Timestamp,
  lastSentAt: Timestamp.optional(),
  bad: z
    .object({ at: Timestamp, reason: z.string() })
    .optional()
    .meta({ description: "The provider says that it is dead; nothing is sent there until it registers anew." }),
});
export type PushTarget = z.infer<typeof PushTarget>;

/** What the browser's `PushManager` gives. */
export const WebPushSubscription = z.object({
  endpoint: z.url({ protocol: /^https$/ }).max(2_000),
  expirationTime: z.number().nullish(),
  keys: z.object({
    p256dh: z.string().regex(/^[\w-]{86,88}=?$/, "must be a P-256 key in base64url"),
    auth: z.string().regex(/^[\w-]{21,24}={0,2}$/, "must be 16 bytes in base64url"),
  }),
});

/** What became of a notification. `notSent`: decided against. `withdrawn`: no longer needed when its time came. */
export const NotificationState = z.enum(["waiting", "sending", "sent", "notSent", "withdrawn", "failed"]);
export type NotificationState = z.infer<typeof NotificationState>;

/** A notification and its trail. */
export const Notification = z.object({
  notificationId: z.uuid(),
  at: Timestamp,
  sessionId: SessionId.optional(),
  permissionId: PermissionId.optional(),
  reason: PushReason.or(z.enum(["test", "resolved"])).meta({
    description: "`resolved`: takes a prompt that was answered off the lock screen.",
  }),
  targetId: z.uuid(),
  targetName: z.string(),
  platform: PushPlatform,
  step: z.int().min(0).meta({ description: "0: the first. Higher: nobody had seen or answered it." }),
  state: NotificationState,
  attempts: z.int().min(0),
  dueAt: Timestamp.optional().meta({ description: "When it is sent, if nothing comes between." }),
  shownAt: Timestamp.optional(),
  openedAt: Timestamp.optional(),
  trail: z.array(z.object({ at: Timestamp, text: z.string() })).meta({ description: "What happened, in words." }),
});
export type Notification = z.infer<typeof Notification>;

/** What a device gets, on every platform; where and how it stands there differs (docs/guide/push-notifications.md). */
export const PushPayload = z.object({
  notificationId: z.uuid(),
  reason: Notification.shape.reason,
  sessionId: SessionId.optional(),
  permissionId: PermissionId.optional(),
  title: z.string(),
  body: z.string(),
  url: z.string().meta({ description: "`claude-companion://session/<id>?permission=<id>`." }),
  webUrl: z.string().optional().meta({ description: "The same place in the web app." }),
  waiting: z.int().min(0).meta({ description: "Prompts that wait for this person, in all sessions: the badge." }),
  actions: z.array(z.enum(["allow", "deny", "reply"])),
  actionToken: z
    .string()
    .optional()
    .meta({ description: "For one action, once: POST /api/push-notifications/actions." }),
});
export type PushPayload = z.infer<typeof PushPayload>;

/** How push works here. */
export const PushConfiguration = z.object({
  platforms: z.array(
    z.object({
      platform: PushPlatform,
      configured: z.boolean(),
      missing: z.string().optional().meta({ description: "What to set." }),
      trouble: z
        .object({ since: Timestamp, reason: z.string() })
        .optional()
        .meta({ description: "The provider does not answer; it is tried again by and by." }),
    }),
  ),
  vapidPublicKey: z.string().optional().meta({ description: "For the browser's `applicationServerKey`." }),
});
export type PushConfiguration = z.infer<typeof PushConfiguration>;

/** A button of a notification. `reply` answers a question, sends the next message, or denies with a reason. */
export const PushActionRequest = z.object({
  actionToken: z.string().min(20).max(200).meta({ description: "From the notification; it works once." }),
  action: z.enum(["allow", "deny", "reply"]),
  text: z.string().max(10_000).optional().meta({ description: "The reply, or why it is denied." }),
});
export type PushActionRequest = z.infer<typeof PushActionRequest>;
