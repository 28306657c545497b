import { homedir } from "node:os";
import { type Logger as PinoLogger, pino } from "pino";

/** Structured log. Never gets message text, tokens or keys. */
export type Logger = PinoLogger;

/** Fields that never reach the log, wherever they stand in an object. */
const secretPaths = [
  "token",
  "ticket",
  "authorization",
  "cookie",
  "content",
  "text",
  "password",
  "authToken",
  "pushToken",
  "actionToken",
  "accessToken",
  "secret",
];

/**
 * JSON lines on standard error (or `destination`), so that standard output stays free for what a command prints. Paths
 * under home are told as `~`.
 * @param options.level one of Pino's levels or `silent`; it can be changed later
 * @param options.secrets texts that must not stand there, wherever they come from
 * @param options.context what every line carries, asked for each
 */
export function createLogger(options: {
  level: string;
  destination?: { write(line: string): void } | undefined;
  secrets?: readonly string[];
  context?: () => object;
}): Logger {
  const paths = secretPaths.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  const home = homedir();
  const hidden = (options.secrets ?? []).filter((secret) => secret.length >= 8);
  function clean(line: string): string {
    let cleaned = home.length > 1 ? line.replaceAll(home, "~") : line;
    for (const secret of hidden) cleaned = cleaned.replaceAll(secret, "[redacted]");
    return cleaned;
  }
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "[redacted]" },
      hooks: { streamWrite: clean },
      ...(options.context ? { mixin: options.context } : {}),
    },
    options.destination ?? standardError(),
  );
}

function standardError() {
  const destination = pino.destination({ dest: 2, sync: true });
  // Whoever read the log is gone (a closed terminal, a pipe to `head`): the server goes on.
  destination.on("error", () => {});
  return destination;
}
