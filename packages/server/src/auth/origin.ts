import { isIP } from "node:net";

/** Decides from `Host` and `Origin` whether a request comes from a page of ours. */
export interface OriginPolicy {
  /** Origins of other pages that may use the server, as configured. */
  readonly otherOrigins: readonly string[];
  /**
   * A DNS name that was rebound to this machine arrives with that name in `Host`; so names must be known. Addresses
   * cannot be rebound.
   */
  allowsHost(host: string | undefined): boolean;
  /** No `Origin` (no browser) is fine; a page's must be the host that it talks to, or configured. */
  allowsOrigin(origin: string | undefined, host: string | undefined): boolean;
}

/**
 * @param options.hosts further host names without port (ALLOWED_HOSTS)
 * @param options.origins further origins such as `https://app.example` (ALLOWED_ORIGINS)
 */
export function createOriginPolicy(options: { hosts: readonly string[]; origins: readonly string[] }): OriginPolicy {
  const hosts = new Set(["localhost", ...options.hosts.map((host) => host.toLowerCase())]);
  const origins = new Set(options.origins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  return {
    otherOrigins: [...origins],
    allowsHost(host) {
      const name = host === undefined ? undefined : hostName(`http://${host}`);
      return name !== undefined && (hosts.has(name) || isIP(name) !== 0 || name.endsWith(".localhost"));
    },
    allowsOrigin(origin, host) {
      if (origin === undefined || origins.has(origin.toLowerCase())) return true;
      if (!URL.canParse(origin)) return false;
      return new URL(origin).host === host?.toLowerCase();
    },
  };
}

function hostName(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, "").toLowerCase();
}
