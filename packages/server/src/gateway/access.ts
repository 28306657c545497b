import type { IncomingHttpHeaders } from "node:http";
import { CompanionError } from "@claude-companion/protocol";
import type { Auth, OriginPolicy, Principal } from "../auth/index.ts";

/**
 * Refuses pages of other origins and names that were rebound to this machine.
 * @throws CompanionError `FORBIDDEN`
 */
export function checkOrigin(policy: OriginPolicy, headers: IncomingHttpHeaders): void {
  if (!policy.allowsHost(headers.host)) {
    throw new CompanionError(
      "FORBIDDEN",
      `This server is not known as ${headers.host ?? "(no Host header)"}. Add the name to ALLOWED_HOSTS.`,
    );
  }
  if (!policy.allowsOrigin(headers.origin, headers.host)) {
    throw new CompanionError(
      "FORBIDDEN",
      `Pages of ${headers.origin} may not use this server. Add the origin to ALLOWED_ORIGINS.`,
    );
  }
}

/**
 * Who asks: `Authorization: Bearer`, else `?token=`, else (where tickets are taken) `?ticket=`.
 * @throws CompanionError `AUTHENTICATION_REQUIRED`
 */
export function authenticate(
  auth: Pick<Auth, "authenticate" | "redeemTicket">,
  request: { authorization: string | undefined; query: URLSearchParams; takesTicket: boolean },
): Principal {
  const bearer = /^Bearer +(\S+)$/i.exec(request.authorization ?? "")?.[1];
  const token = bearer ?? request.query.get("token");
  const ticket = request.takesTicket ? request.query.get("ticket") : null;
  const principal = token ? auth.authenticate(token) : ticket ? auth.redeemTicket(ticket) : undefined;
  if (principal) return principal;
  const message = token
    ? "The token is not valid, or it was revoked. Use the one that the server shows when it starts, or AUTH_TOKEN."
    : ticket
      ? "The ticket was used, is older than 30 s or is unknown. Get a new one from POST /api/auth/ticket."
      : "Send a token: Authorization: Bearer <token>."; // One line a case.
  throw new CompanionError("AUTHENTICATION_REQUIRED", message);
}
