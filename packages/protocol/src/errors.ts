/**
 * The one table of errors that a user can meet: HTTP status, whether trying again can help, and what the code means.
 * It has no dependencies, so that the client library can use it without carrying schemas.
 */
export const errorCodes = {
  AUTHENTICATION_REQUIRED: {
    status: 401,
    retryable: false,
    meaning: "No credentials, or they are not (any longer) valid.",
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    meaning: "The credentials are valid, but not for this; or the page's origin is not allowed.",
  },
  INVALID_REQUEST: {
    status: 400,
    retryable: false,
    meaning: "The request is not what the schema says; `details` names the field.",
  },
  NOT_FOUND: { status: 404, retryable: false, meaning: "There is no such route or object." },
  SESSION_NOT_FOUND: {
    status: 404,
    retryable: false,
    meaning: "There is no such session, or it belongs to somebody else.",
  },
  SESSION_ENDED: {
    status: 409,
    retryable: false,
    meaning: "The session has ended and takes no more messages; create a new one.",
  },
  SESSION_LIMIT: {
    status: 429,
    retryable: false,
    meaning: "You have as many sessions as the server allows; end one first.",
  },
  AGENT_UNAVAILABLE: {
    status: 503,
    retryable: true,
    meaning: "The coding agent cannot be started: not installed, too old, or not logged in.",
  },
  AGENT_FAILED: { status: 502, retryable: true, meaning: "The coding agent died or answered with an error." },
  DIRECTORY_NOT_ALLOWED: {
    status: 403,
    retryable: false,
    meaning: "The directory does not exist, is no directory, or lies outside the allowed roots.",
  },
  PERMISSION_NOT_FOUND: { status: 404, retryable: false, meaning: "The session has no such permission request." },
  ALREADY_RESOLVED: {
    status: 409,
    retryable: false,
    meaning: "The permission was answered before; `details` tells how and by whom.",
  },
  RATE_LIMITED: { status: 429, retryable: true, meaning: "Too many requests; wait `details.retryAfterSeconds`." },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false, meaning: "The message is larger than the server allows." },
  OVERLOADED: {
    status: 503,
    retryable: true,
    meaning: "The server is at a limit and refuses new work; what runs goes on.",
  },
  CONFLICT: { status: 409, retryable: false, meaning: "The request does not fit the state of the session." },
  STORAGE_FAILED: {
    status: 503,
    retryable: true,
    meaning: "The event log cannot be written (disk full or failing); nothing was accepted.",
  },
  INTERNAL: {
    status: 500,
    retryable: true,
    meaning: "A bug in the server; its log has the details under the request id.",
  },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>;

/** One of the codes of the table. */
export type ErrorCode = keyof typeof errorCodes;

/** True for a string that is a code of the table. */
export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(errorCodes, value);

/**
 * An error that a user can meet. The message says what to do next; `details` is for programs (the offending field, an
 * outcome, a time to wait) and never holds secrets.
 */
export class CompanionError extends Error {
  override readonly name = "CompanionError";
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** Whether the same request can succeed later without being changed. */
  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }

  /** HTTP status of this error. */
  get status(): number {
    return errorCodes[this.code].status;
  }
}
