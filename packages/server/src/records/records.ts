import type {
  Actor,
  AuditEntry,
  Budget,
  Content,
  Delivery,
  DurableData,
  Effort,
  Notification,
  NotificationState,
  Obstacle,
  PermissionAnswer,
  PermissionMode,
  PermissionOutcome,
  PermissionRequest,
  PermissionRule,
  PushPlatform,
  PushPreferences,
  Schedule,
  SessionStatus,
  Usage,
  WebPushSubscription,
} from "@claude-companion/protocol";
import type { z } from "zod";
import type { RecordWrite } from "../log/index.ts";

/** A session as it is kept: everything that must survive a restart. */
export interface SessionRecord {
  sessionId: string;
  user: string;
  /** Absolute real path. */
  workingDirectory: string;
  agent: string;
  title: string;
  model: string | undefined;
  effort: z.infer<typeof Effort> | undefined;
  permissionMode: z.infer<typeof PermissionMode>;
  /** The agent's own conversation, once it has told it. */
  conversationId: string | undefined;
  conversationStarted: boolean;
  /** How many events a conversation had that was begun elsewhere: those are not ours to tell. */
  followedFrom: number | undefined;
  /** Undefined in records of older versions: no, none. */
  archived: boolean | undefined;
  tags: readonly string[] | undefined;
  /** What the agent means to do. */
  todos: DurableData<"todosChanged">["todos"] | undefined;
  obstacle: z.infer<typeof Obstacle> | null | undefined;
  /** Its own; without one the server's. */
  budget: z.infer<typeof Budget> | null | undefined;
  /** What a person allowed beyond the budgets. */
  granted: Granted | undefined;
  continueAfterLimit: boolean | undefined;
  status: z.infer<typeof SessionStatus>;
  statusReason: string | undefined;
  /** Milliseconds since 1970. */
  createdAt: number;
  lastActivityAt: number;
}

/** What may be spent beyond the budgets: in all, and on one day (2026-11-24). */
export interface Granted {
  session: { costUsd: number; turns: number };
  day: { date: string; costUsd: number; turns: number };
}

/** A permission request and what became of it. */
export interface PermissionRecord {
  permissionId: string;
  sessionId: string;
  request: z.infer<typeof PermissionRequest>;
  requestedAt: number;
  answer: z.infer<typeof PermissionAnswer> | undefined;
  outcome: z.infer<typeof PermissionOutcome> | undefined;
  applied: boolean;
}

/** A person's message that the agent has not finished with. Removed once it has. */
export interface MessageRecord {
  messageId: string;
  sessionId: string;
  /** Messages of a session are handed over in this order. */
  order: number;
  content: z.infer<typeof Content>;
  by: z.infer<typeof Actor> | undefined;
  /** Undefined in records of older versions: `queue`. */
  delivery: Delivery | undefined;
  state: "queued" | "handedOver";
  /** Of the request that sent it. */
  correlationId: string | undefined;
}

/** A rule that a person gave and did not take back. */
export interface RuleRecord extends z.infer<typeof PermissionRule> {
  user: string;
  /** What it grants, in the agent's own terms. */
  value: unknown;
}

/** The beginning of a key that stands in the order of time. @param at milliseconds since 1970 */
export const timeKey = (at: number): string => String(at).padStart(13, "0");

/** One decision, kept. Its id begins with its time, so that ids stand in order. */
export interface AuditRecord extends z.infer<typeof AuditEntry> {
  user: string;
}

/** What a turn took, for sums. Its id begins with its time, so that ids stand in order. */
export interface TurnRecord {
  turnId: string;
  user: string;
  sessionId: string;
  workingDirectory: string;
  /** Milliseconds since 1970. */
  at: number;
  costUsd: number;
  usage: z.infer<typeof Usage> | undefined;
  durationMs: number;
}

/** A file that a person gave. */
export interface UploadRecord {
  uploadId: string;
  user: string;
  /** As it is called where it lies. */
  name: string;
  /** By its content. */
  mediaType: string;
  bytes: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  expiresAt: number;
}

/** A message that is sent by itself. Times in ms since 1970. */
export interface ScheduleRecord
  extends Omit<
    z.infer<typeof Schedule>,
    "at" | "cron" | "by" | "reason" | "createdAt" | "next" | "lastSentAt" | "lastMessageId"
  > {
  user: string;
  by: z.infer<typeof Actor> | undefined;
  at: number | undefined;
  cron: string | undefined;
  /** Undefined: it will not be sent (any more, or while it is paused). */
  nextAt: number | undefined;
  reason: string | undefined;
  createdAt: number;
  lastSentAt: number | undefined;
  lastMessageId: string | undefined;
}

/** It will be sent, now or when it is no longer paused. */
export const isScheduled = ({ state }: Pick<ScheduleRecord, "state">): boolean =>
  state === "waiting" || state === "paused";

/** A device that was here. */
export interface DeviceRecord {
  deviceId: string;
  user: string;
  name: string;
  lastSeenAt: number;
}

/** How far a device has come in a session. */
export interface PositionRecord {
  deviceId: string;
  sessionId: string;
  epoch: string;
  ackedSeq: number;
  subscribed: boolean;
}

/** A token that was given out; only its hash is kept. */
export interface TokenRecord {
  tokenId: string;
  user: string;
  name: string;
  /** SHA-256 of the token, hexadecimal. */
  hash: string;
  createdAt: number;
  /** When it last let somebody in, to the minute; undefined: never, or before this was kept. */
  lastSeenAt?: number | undefined;
  revokedAt: number | undefined;
}

/** What it takes to reach somebody. Secret. */
export type PushAddress =
  | { platform: "apns"; pushToken: string; environment: "production" | "sandbox"; topic: string | undefined }
  | { platform: "fcm"; pushToken: string }
  /** `vapidPublicKey`: the key of ours that it was made for; it takes no other. */
  | { platform: "webPush"; subscription: z.infer<typeof WebPushSubscription>; vapidPublicKey: string }
  | { platform: "ntfy"; url: string; accessToken: string | undefined }
  | { platform: "webhook"; url: string; secret: string };

/** Where a person is reached, and what is to be told there. */
export interface PushTargetRecord {
  targetId: string;
  user: string;
  deviceId: string;
  /** The token that registered it: taken back, it is told nothing more. */
  tokenId: string;
  name: string;
  address: PushAddress;
  preferences: z.infer<typeof PushPreferences>;
  /** Milliseconds since 1970: what happened before is not told. */
  createdAt: number;
  lastSentAt: number | undefined;
  /** The provider says that it is dead. */
  bad: { at: number; reason: string } | undefined;
}

/** A notification and what became of it. Its id begins with its time, so that ids stand in order. Never holds text of a session. */
export interface NotificationRecord {
  notificationId: string;
  user: string;
  targetId: string;
  targetName: string;
  deviceId: string;
  platform: PushPlatform;
  sessionId: string | undefined;
  permissionId: string | undefined;
  reason: z.infer<typeof Notification>["reason"];
  step: number;
  /** Milliseconds since 1970: when it happened, when it is sent, when it is of no more use. */
  at: number;
  dueAt: number;
  expiresAt: number;
  state: z.infer<typeof NotificationState>;
  attempts: number;
  /** Of the request that began the turn it tells of. */
  correlationId: string | undefined;
  shownAt: number | undefined;
  openedAt: number | undefined;
  trail: { at: number; text: string }[];
}

/** The right to do one thing, once, without login. Only the token's hash is kept. */
export interface ActionTokenRecord {
  /** SHA-256 of the token, hexadecimal. */
  hash: string;
  user: string;
  targetId: string;
  deviceId: string;
  deviceName: string;
  sessionId: string;
  permissionId: string | undefined;
  expiresAt: number;
  usedAt: number | undefined;
}

/** A key that the server made for itself and must keep. Secret. */
export interface KeyRecord {
  name: string;
  publicKey: string;
  privateKey: string;
}

/** Records of one kind. Saving replaces. */
export interface Collection<T> {
  find(key: string): Promise<T | undefined>;
  save(record: T): Promise<void>;
  remove(key: string): Promise<void>;
  /** All of one owner, or all there are; in no particular order. */
  list(owner?: string): Promise<T[]>;
  /** One owner's, by falling key, from below `before`; at most `limit`. */
  page(owner: string, from: { before: string | undefined; limit: number }): Promise<T[]>;
  /** The same as `save`, but to go into the transaction of an append. */
  write(record: T): RecordWrite;
  /** The same as `remove`, but to go into the transaction of an append. */
  removal(record: T): RecordWrite;
}

/** Plain records: what is known apart from events. */
export interface Records {
  /** Owner: the user. Key: sessionId. */
  sessions: Collection<SessionRecord>;
  /** Owner: the session. Key: sessionId and permissionId. */
  permissions: Collection<PermissionRecord>;
  /** Owner: the session. Key: messageId. */
  messages: Collection<MessageRecord>;
  /** Owner: the user. Key: ruleId. */
  rules: Collection<RuleRecord>;
  /** Owner: the user. Key: auditId. */
  audit: Collection<AuditRecord>;
  /** Owner: the user. Key: turnId. */
  turns: Collection<TurnRecord>;
  /** Owner: the user. Key: uploadId. */
  uploads: Collection<UploadRecord>;
  /** Owner: the user. Key: scheduleId. */
  schedules: Collection<ScheduleRecord>;
  /** Owner: the user. Key: deviceId. */
  devices: Collection<DeviceRecord>;
  /** Owner: the device. Key: deviceId and sessionId. */
  positions: Collection<PositionRecord>;
  /** Owner: the user. Key: tokenId. */
  tokens: Collection<TokenRecord>;
  /** Owner: the user. Key: targetId. */
  pushTargets: Collection<PushTargetRecord>;
  /** Owner: the user. Key: notificationId. */
  notifications: Collection<NotificationRecord>;
  /** Owner: the user. Key: the token's hash. */
  actionTokens: Collection<ActionTokenRecord>;
  /** Owner: none. Key: the name. */
  keys: Collection<KeyRecord>;
}

/** Where records are really kept: one table of JSON documents, or one hash a collection. */
export interface RecordStore {
  find(collection: string, key: string): Promise<object | undefined>;
  list(collection: string, owner: string | undefined): Promise<object[]>;
  page(collection: string, owner: string, from: { before: string | undefined; limit: number }): Promise<object[]>;
  write(write: RecordWrite): Promise<void>;
}

/** Gives the collections their shapes on top of a store of documents. */
export function createRecords(store: RecordStore): Records {
  function collection<T extends object>(
    name: string,
    keyOf: (record: T) => string,
    ownerOf: (record: T) => string,
  ): Collection<T> {
    const write = (record: T): RecordWrite => ({
      collection: name,
      key: keyOf(record),
      owner: ownerOf(record),
      value: record,
    });
    return {
      // What comes back is what `save` was given: the store holds only what this collection wrote.
      find: async (key) => (await store.find(name, key)) as T | undefined,
      list: async (owner) => (await store.list(name, owner)) as T[],
      page: async (owner, from) => (await store.page(name, owner, from)) as T[],
      save: (record) => store.write(write(record)),
      remove: (key) => store.write({ collection: name, key, owner: "", value: undefined }),
      write,
      removal: (record) => ({ ...write(record), value: undefined }),
    };
  }
  return {
    sessions: collection("sessions", (r) => r.sessionId, (r) => r.user),
    permissions: collection("permissions", (r) => `${r.sessionId}/${r.permissionId}`, (r) => r.sessionId),
    messages: collection("messages", (r) => r.messageId, (r) => r.sessionId),
    rules: collection("rules", (r) => r.ruleId, (r) => r.user),
    audit: collection("audit", (r) => r.auditId, (r) => r.user),
    turns: collection("turns", (r) => r.turnId, (r) => r.user),
    uploads: collection("uploads", (r) => r.uploadId, (r) => r.user),
    schedules: collection("schedules", (r) => r.scheduleId, (r) => r.user),
    devices: collection("devices", (r) => `${r.user}/${r.deviceId}`, (r) => r.user),
    positions: collection("positions", (r) => `${r.deviceId}/${r.sessionId}`, (r) => r.deviceId),
    tokens: collection("tokens", (r) => r.tokenId, (r) => r.user),
    pushTargets: collection("pushTargets", (r) => r.targetId, (r) => r.user),
    notifications: collection("notifications", (r) => r.notificationId, (r) => r.user),
    actionTokens: collection("actionTokens", (r) => r.hash, (r) => r.user),
    keys: collection("keys", (r) => r.name, () => ""),
  }; // biome-ignore format: a table
}
