import type { IncomingHttpHeaders } from "node:http";
import { DeviceId } from "@claude-companion/protocol";
import type { Principal } from "../auth/index.ts";
import { uuidOf } from "../uuid-of.ts";

/** Which device speaks. */
export interface Identity {
  deviceId: string;
  source: "client" | "fingerprint";
  name: string;
}

/**
 * The device's own id, else a fingerprint of user, user agent and platform: good enough to find again what it followed.
 * @param query the query of the URL; a header wins over it
 */
export function identify(principal: Principal, headers: IncomingHttpHeaders, query: URLSearchParams): Identity {
  const agent = headers["user-agent"] ?? "";
  const platform = String(headers["sec-ch-ua-platform"] ?? "").replaceAll('"', "");
  const givenName = (text(headers["x-device-name"]) ?? query.get("deviceName"))?.trim().slice(0, 100);
  const name = givenName || nameOf(agent, platform);
  const given = DeviceId.safeParse(text(headers["x-device-id"]) ?? query.get("deviceId"));
  if (given.success) return { deviceId: given.data.toLowerCase(), source: "client", name };
  return { deviceId: uuidOf(`${principal.user}\n${agent}\n${platform}`), source: "fingerprint", name };
}

function nameOf(agent: string, platform: string): string {
  const system = /iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(agent)?.[0] ?? platform;
  const program = /Firefox|Edg|Chrome|Safari|curl|node/i.exec(agent)?.[0];
  return [program, system].filter(Boolean).join(" on ") || "unnamed device";
}

const text = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;
