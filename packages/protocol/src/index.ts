export { AgentDescription, ContextUsage, Effort, Rewind } from "./agent.ts";
export { asyncApiDocument } from "./asyncapi.ts";
export { type CloseCode, closeCodes, shouldReconnect } from "./close-codes.ts";
export {
  type CommandAck,
  type CommandData,
  CommandEnvelope,
  type CommandInput,
  type CommandType,
  type ConnectionCommand,
  commands,
  isCommandType,
  type RequestCommand,
} from "./commands/index.ts";
export { Content, Delivery, InputBlock, OutputBlock, Usage } from "./content.ts";
export { CompanionError, type ErrorCode, errorCodes, isErrorCode } from "./errors.ts";
export {
  type DurableData,
  type DurableEvent,
  type DurableType,
  durableEvents,
  ErrorData,
  Gap,
  StreamData,
} from "./events.ts";
export { ClientFrame, PROTOCOL_VERSION, ServerFrame, type SessionEventFrame, Welcome } from "./frame.ts";
export { DeviceId, Epoch, MessageId, PermissionId, RequestId, Seq, SessionId, Timestamp } from "./ids.ts";
export {
  Actor,
  AuditEntry,
  PermissionAnswer,
  PermissionMode,
  PermissionOutcome,
  PermissionRequest,
  PermissionRule,
  PermissionSuggestion,
  RuleScope,
} from "./permission.ts";
export {
  Notification,
  NotificationState,
  PushActionRequest,
  PushConfiguration,
  PushPayload,
  PushPlatform,
  PushPreferences,
  PushReason,
  PushTarget,
  standardPushPreferences,
  WebPushSubscription,
} from "./push.ts";
export { Schedule } from "./schedule.ts";
export {
  AgentCapabilities,
  AgentInfo,
  Budget,
  DeviceInfo,
  Obstacle,
  RestoredSession,
  SessionStatus,
  SessionSummary,
} from "./session.ts";
export { Upload } from "./upload.ts";
