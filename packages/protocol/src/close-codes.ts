/**
 * Why a connection was closed. The range carries the rule: 4000-4499 come back (with jittered backoff), 4500-4999 do
 * not come back by yourself. Free of dependencies, like the table of errors.
 */
export const closeCodes = {
  1000: { name: "normal", meaning: "Closed on purpose by one side." },
  1001: { name: "goingAway", meaning: "The server is stopping or restarting; come back." },
  1003: { name: "unsupportedData", meaning: "A binary frame; every frame is JSON text." },
  1008: { name: "policyViolation", meaning: "Too many invalid frames." },
  1009: { name: "tooBig", meaning: "A frame over the size limit (`welcome.limits.frameBytesMax`)." },
  1013: { name: "tryAgainLater", meaning: "The server is at a limit; come back later." },
  4008: {
    name: "tooSlow",
    meaning: "Nothing was taken for 30 s while there was something to send; come back and go on from your position.",
  },
  4029: { name: "rateLimit", meaning: "Too many commands; come back more slowly." },
  4501: { name: "revoked", meaning: "The credentials of this connection were revoked." },
  4509: { name: "replaced", meaning: "A newer connection of the same client took over." },
  4510: { name: "protocolVersion", meaning: "This protocol version is no longer served; update the app." },
} as const satisfies Record<number, { name: string; meaning: string }>;

/** A close code of the table. */
export type CloseCode = keyof typeof closeCodes;

/**
 * Whether a client comes back by itself after this close code.
 * @param code the WebSocket close code; 1006 (no close frame) and unknown codes count as network failures: come back.
 */
export function shouldReconnect(code: number): boolean {
  if (code === 1008 || code === 1009 || code === 1003) return false;
  return !(code >= 4500 && code <= 4999);
}
