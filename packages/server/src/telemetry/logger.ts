import { type Logger as PinoLogger, pino } from "pino";

/** Structured log. Never gets message text, tokens or keys. */
export type Logger = PinoLogger;

/** Fields that never reach the log, wherever they stand in an object. */
const secretPaths = ["token", "ticket", "authorization", "cookie", "content", "text", "password", "authToken"];

/**
 * JSON lines on standard error (or `destination`), so that standard output stays free for what a command prints.
 * @param options.level one of Pino's levels or `silent`
 */
export function createLogger(options: {
  level: string;
  destination?: { write(line: string): void } | undefined;
}): Logger {
  const paths = secretPaths.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "[redacted]" },
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
