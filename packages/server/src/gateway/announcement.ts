import { hostname } from "node:os";
import { Bonjour } from "bonjour-service";

/** Lets apps find this server on the local network (mDNS, `_claude-companion._tcp`). @returns ends it */
export function announce(options: {
  port: number;
  /** Host name on the local network, such as `laptop.local`. */
  host: string;
  isSecure: boolean;
  version: string;
  onError: (error: unknown) => void;
}): () => Promise<void> {
  const { port, host, isSecure, version } = options;
  // A network that comes and goes is no error of ours; what remains is told.
  const bonjour = new Bonjour({}, options.onError);
  const service = bonjour.publish({
    // Of a machine and port there is one: it need not be asked for first, and the library prints what it hears when it is.
    name: `Claude Companion on ${hostname()}:${port}`,
    probe: false,
    type: "claude-companion",
    host,
    port,
    txt: { version, scheme: isSecure ? "https" : "http", path: "/" },
  });
  service.on("error", options.onError);
  return async () => {
    await new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
    await new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
  };
}
