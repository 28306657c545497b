import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { CompanionError } from "@claude-companion/protocol";
import { z } from "zod";

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const number = (min: number, max: number) => z.coerce.number().min(min).max(max);
const list = (separator: RegExp) =>
  z.string().transform((text) =>
    text
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  );
const path = z
  .string()
  .min(1)
  .transform((text) => resolve(text.replace(/^~(?=$|\/)/, homedir())));

interface Setting<T extends z.ZodType = z.ZodType> {
  schema: T;
  /** As it would be written; undefined: there is none. */
  standard: string | undefined;
  /** What is wanted, to complete "PORT must be ...". */
  wants: string;
  meaning: string;
  secret?: true;
}
const setting = <T extends z.ZodType>(schema: T, rest: Omit<Setting<T>, "schema">): Setting<T> => ({ schema, ...rest });

/** The one table of settings: the name in the environment; `--port` is the flag of PORT. */
export const settings = {
  PORT: setting(integer(0, 65_535), {
    standard: "3001",
    wants: "a port number, 0 to 65535 (0 picks a free one)",
    meaning: "Where the server listens.",
  }),
  HOST: setting(z.string().min(1), {
    standard: "127.0.0.1",
    wants: "an address of this machine",
    meaning: "The address to listen on; others than loopback need https or AUTH_TOKEN.",
  }),
  TLS: setting(z.enum(["off", "local"]), {
    standard: "off",
    wants: "off or local",
    meaning:
      "`local`: https with a certificate authority of this machine's own, which phones are shown how to trust. Then the server listens on all addresses unless HOST says otherwise.",
  }),
  TLS_CERT: setting(path.optional(), {
    standard: undefined,
    wants: "the path of a PEM file",
    meaning: "https with this certificate (and its chain). A renewed one is taken up without a restart.",
  }),
  TLS_KEY: setting(path.optional(), {
    standard: undefined,
    wants: "the path of a PEM file",
    meaning: "The key of TLS_CERT.",
  }),
  MDNS: setting(z.stringbool(), {
    standard: "true",
    wants: "true or false",
    meaning: "Whether apps can find this server on the local network, when it listens there.",
  }),
  AUTH_TOKEN: setting(
    z
      .string()
      .min(16)
      .regex(/^[\x21-\x7e]+$/)
      .optional(),
    {
      standard: undefined,
      wants: "at least 16 printable characters without spaces",
      meaning: "The owner's token. Without it each start makes one and prints it.",
      secret: true,
    },
  ),
  PROJECT_ROOTS: setting(list(/[,\n]/).pipe(z.array(z.string()).min(1)), {
    standard: "~",
    wants: "directories, separated by commas",
    meaning: "Agents work in these directories and below, nowhere else.",
  }),
  ALLOW_NEW_PROJECTS: setting(z.stringbool(), {
    standard: "true",
    wants: "true or false",
    meaning: "Whether directories may be made below PROJECT_ROOTS, and repositories cloned into them.",
  }),
  DATA_DIR: setting(path, {
    standard: join("~", ".claude-companion"),
    wants: "a directory",
    meaning: "Where the event log and all records live.",
  }),
  LOG_LEVEL: setting(z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]), {
    standard: "info",
    wants: "one of trace, debug, info, warn, error, fatal, silent",
    meaning: "How much is logged (JSON lines on standard error).",
  }),
  OTLP_URL: setting(z.url({ protocol: /^https?$/ }).optional(), {
    standard: undefined,
    wants: "an address such as http://127.0.0.1:4318",
    meaning: "Metrics and traces are exported there (OTLP over HTTP). Not set: nowhere.",
  }),
  CLAUDE_CLI_PATH: setting(path.optional(), {
    standard: undefined,
    wants: "the path of a `claude` program",
    meaning: "Use this CLI instead of the one that comes along.",
  }),
  AGENT_ENV: setting(list(/,/), {
    standard: "",
    wants: "names of environment variables, separated by commas",
    meaning: "Further variables that agents may see.",
  }),
  ALLOW_BYPASS_PERMISSIONS: setting(z.stringbool(), {
    standard: "false",
    wants: "true or false",
    meaning: "Whether a session may be set to never ask for anything (`bypassPermissions`).",
  }),
  PERMISSION_EXPIRE_MINUTES: setting(number(0.001, 1_000_000).optional(), {
    standard: undefined,
    wants: "minutes, more than 0",
    meaning: "A permission request that nobody answers in this time is denied, visibly. Not set: it waits.",
  }),
  AGENT_SILENT_MINUTES: setting(number(0.001, 100_000), {
    standard: "5",
    wants: "minutes, more than 0",
    meaning: "A turn in which nothing is heard of the agent for this long, and no tool is at work, is told.",
  }),
  AGENTS_ALONE_HOURS: setting(number(0.001, 100_000), {
    standard: "24",
    wants: "hours, more than 0",
    meaning: "An agent that was silent for this long while no server ran is ended.",
  }),
  ALLOWED_HOSTS: setting(list(/,/), {
    standard: "",
    wants: "host names, separated by commas",
    meaning: "Names under which this server is reached, besides localhost and addresses.",
  }),
  ALLOWED_ORIGINS: setting(list(/,/), {
    standard: "",
    wants: "origins such as https://app.example, separated by commas",
    meaning: "Web pages of other origins that may use this server.",
  }),
  PUBLIC_URL: setting(z.url({ protocol: /^https?$/ }).optional(), {
    standard: undefined,
    wants: "an address such as https://companion.example",
    meaning: "Where devices reach this server: links in notifications lead there, and its name is allowed.",
  }),
  PUSH_ESCALATE_MINUTES: setting(number(0, 100_000), {
    standard: "5",
    wants: "minutes, 0 or more",
    meaning: "A prompt that nobody saw or answered is told again, and on the next devices, after this. 0: never.",
  }),
  PUSH_PAUSE_SECONDS: setting(number(0.05, 3_600), {
    standard: "15",
    wants: "seconds, 0.05 to 3600",
    meaning: "How long a push provider that does not answer is left alone before it is tried again.",
  }),
  WEB_PUSH_CONTACT: setting(
    z
      .string()
      .regex(/^(mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https:\/\/\S+)$/)
      .optional(),
    {
      standard: undefined,
      wants: "mailto:you@example.org or an https address, and not of localhost",
      meaning: "Where push services of browsers can reach you. Without it PUBLIC_URL is used, if it is https.",
    },
  ),
  APNS_KEY: setting(path.optional(), {
    standard: undefined,
    wants: "the path of a .p8 file",
    meaning: "Apple's key for push notifications.",
  }),
  APNS_KEY_ID: setting(
    z
      .string()
      .regex(/^[A-Z0-9]{10}$/)
      .optional(),
    {
      standard: undefined,
      wants: "ten capital letters and digits",
      meaning: "The key's id, as Apple shows it.",
    },
  ),
  APNS_TEAM_ID: setting(
    z
      .string()
      .regex(/^[A-Z0-9]{10}$/)
      .optional(),
    {
      standard: undefined,
      wants: "ten capital letters and digits",
      meaning: "Your team's id at Apple.",
    },
  ),
  APNS_TOPIC: setting(z.string().min(1).optional(), {
    standard: undefined,
    wants: "a bundle id such as org.example.companion",
    meaning: "The app that notifications go to.",
  }),
  APNS_URL: setting(z.url({ protocol: /^https$/ }).optional(), {
    standard: undefined,
    wants: "an https address",
    meaning: "Reach Apple here instead, by a proxy.",
  }),
  FCM_CREDENTIALS: setting(path.optional(), {
    standard: undefined,
    wants: "the path of a JSON file",
    meaning: "A service account's key from the Firebase console.",
  }),
  FCM_URL: setting(z.url({ protocol: /^https?$/ }).optional(), {
    standard: undefined,
    wants: "an address",
    meaning: "Reach Google here instead, by a proxy.",
  }),
  HIBERNATE_AFTER_MINUTES: setting(number(0.001, 100_000), {
    standard: "10",
    wants: "minutes, more than 0",
    meaning: "An idle session's agent is ended after this; the next message wakes it.",
  }),
  EXPIRE_AFTER_DAYS: setting(number(0.001, 100_000), {
    standard: "90",
    wants: "days, more than 0",
    meaning: "A session that nobody used for this long is ended.",
  }),
  SESSIONS_MAX: setting(integer(1, 1_000_000), {
    standard: "1000",
    wants: "a number from 1",
    meaning: "Sessions that one user may have.",
  }),
  AGENTS_MAX: setting(integer(1, 10_000), {
    standard: "32",
    wants: "a number from 1",
    meaning: "Agents that may run at once. An idle one makes room; where none is, sessions wait and say so.",
  }),
  MEMORY_MIN_MEGABYTES: setting(number(0, 1_000_000), {
    standard: "256",
    wants: "megabytes, 0 or more",
    meaning: "So much memory must be free to start another agent; idle ones are put to sleep before.",
  }),
  BUDGET_SESSION_USD: setting(number(0.000_001, 1_000_000).optional(), {
    standard: undefined,
    wants: "dollars, more than 0",
    meaning: "When a session has cost this much, its next message waits and a person is asked.",
  }),
  BUDGET_SESSION_TURNS: setting(integer(1, 1_000_000).optional(), {
    standard: undefined,
    wants: "a number from 1",
    meaning: "The same for its turns.",
  }),
  BUDGET_DAY_USD: setting(number(0.000_001, 1_000_000).optional(), {
    standard: undefined,
    wants: "dollars, more than 0",
    meaning: "The same for all of a user's sessions on one day of this machine.",
  }),
  BUDGET_DAY_TURNS: setting(integer(1, 1_000_000).optional(), {
    standard: undefined,
    wants: "a number from 1",
    meaning: "The same for their turns.",
  }),
  CONTINUE_AFTER_LIMIT: setting(z.stringbool(), {
    standard: "false",
    wants: "true or false",
    meaning: "Whether new sessions go on by themselves when a usage limit has reset. Each session can say otherwise.",
  }),
  RETENTION_DAYS: setting(number(0.001, 100_000), {
    standard: "90",
    wants: "days, more than 0",
    meaning: "Events older than this leave the log.",
  }),
  RETENTION_MEGABYTES: setting(number(0.001, 1_000_000), {
    standard: "256",
    wants: "megabytes, more than 0",
    meaning: "Most that one session's events take in the log; the oldest go first.",
  }),
  UPLOAD_MEGABYTES: setting(number(0.001, 10_000), {
    standard: "25",
    wants: "megabytes, more than 0",
    meaning: "The largest file that may be uploaded.",
  }),
  UPLOADS_MEGABYTES: setting(number(0.001, 10_000_000), {
    standard: "1024",
    wants: "megabytes, more than 0",
    meaning: "Most that all uploaded files together may take.",
  }),
  UPLOADS_EXPIRE_DAYS: setting(number(0.001, 100_000), {
    standard: "30",
    wants: "days, more than 0",
    meaning: "An uploaded file that was sent with no message for this long is deleted.",
  }),
  FRAME_BYTES_MAX: setting(integer(1_024, 268_435_456), {
    standard: "16777216",
    wants: "bytes, 1024 to 268435456",
    meaning: "The largest frame or request body that a client may send.",
  }),
  COMMANDS_PER_SECOND: setting(number(0.1, 1_000_000), {
    standard: "50",
    wants: "a number from 0.1",
    meaning: "Commands that one connection may send; bursts of four seconds' worth are fine.",
  }),
  CONNECTIONS_MAX: setting(integer(1, 1_000_000), {
    standard: "20000",
    wants: "a number from 1",
    meaning: "WebSocket connections of the whole server.",
  }),
  CONNECTIONS_PER_ADDRESS: setting(integer(1, 1_000_000), {
    standard: "1000",
    wants: "a number from 1",
    meaning: "WebSocket connections from one address.",
  }),
  HEARTBEAT_SECONDS: setting(number(0.05, 3_600), {
    standard: "20",
    wants: "seconds, 0.05 to 3600",
    meaning: "How often connections are pinged; silent for 1.5 times this, they are dead.",
  }),
  STALLED_SECONDS: setting(number(0.05, 3_600), {
    standard: "30",
    wants: "seconds, 0.05 to 3600",
    meaning: "A connection that takes nothing for this long is closed with 4008; its client goes on from its position.",
  }),
} as const satisfies Record<string, Setting>;

/** Name of a setting. */
export type SettingName = keyof typeof settings;
/** All settings, validated and frozen. */
export type Config = Readonly<{ [Name in SettingName]: z.output<(typeof settings)[Name]["schema"]> }>;

/** The flag of a setting: `DATA_DIR` is `--data-dir`. */
export const flagOf = (name: SettingName): string => name.toLowerCase().replaceAll("_", "-");

/**
 * Reads the settings: flags first, then the environment, then the `.env` file, then what is standard.
 * @throws CompanionError `INVALID_REQUEST` that names the setting, what it got and what it wants
 */
export function readConfig(sources: {
  flags: Readonly<Record<string, string | undefined>>;
  environment: Readonly<Record<string, string | undefined>>;
  file: Readonly<Record<string, string | undefined>>;
}): Config {
  const entries = (Object.keys(settings) as SettingName[]).map((name) => {
    const { schema, standard, wants, ...rest }: Setting = settings[name];
    // Set to nothing counts as not set, as in a shell or a compose file.
    const given = sources.flags[flagOf(name)] || sources.environment[name] || sources.file[name] || undefined;
    const parsed = schema.safeParse(given ?? standard);
    if (parsed.success) return [name, parsed.data];
    const got = rest.secret ? `${given?.length ?? 0} characters (hidden)` : JSON.stringify(given);
    throw new CompanionError(
      "INVALID_REQUEST",
      `${name} must be ${wants}, but is ${got}. Correct it in the environment, in .env or with --${flagOf(name)}.`,
    );
  });
  const read: Config = Object.fromEntries(entries);
  if ((read.TLS_CERT === undefined) !== (read.TLS_KEY === undefined))
    throw new CompanionError("INVALID_REQUEST", "TLS_CERT and TLS_KEY belong together: set both, or neither.");
  if (read.TLS === "local" && read.TLS_CERT !== undefined)
    throw new CompanionError("INVALID_REQUEST", "TLS=local makes its own certificate: take TLS_CERT and TLS_KEY away.");
  const isHostGiven = sources.flags.host || sources.environment.HOST || sources.file.HOST;
  const config: Config = Object.freeze({
    ...read,
    ...(read.TLS === "local" && !isHostGiven ? { HOST: "0.0.0.0" } : {}),
  });
  const isSecure = config.TLS === "local" || config.TLS_CERT !== undefined;
  if (config.AUTH_TOKEN === undefined && !isLoopback(config.HOST) && !isSecure) {
    throw new CompanionError(
      "INVALID_REQUEST",
      `HOST is ${config.HOST}, so others could reach this server, and AUTH_TOKEN is not set. Set AUTH_TOKEN to a long random text, use https (--tls local), or listen on 127.0.0.1.`,
    );
  }
  return config;
}

/** True for the names and addresses of this machine that nobody else can reach. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);

/** The settings as lines to read, secrets hidden. */
export function describeConfig(config: Config): string {
  const names = Object.keys(settings) as SettingName[];
  const width = Math.max(...names.map((name) => name.length));
  return names
    .map((name) => {
      const { secret }: Setting = settings[name];
      const value = config[name];
      const shown =
        value === undefined
          ? "(not set)"
          : secret
            ? "(set, hidden)"
            : Array.isArray(value)
              ? value.join(",")
              : String(value);
      return `${name.padEnd(width)}  ${shown}`;
    })
    .join("\n");
}
