import type { Random } from "./random.ts";

const strange: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 60,
  "",
  "\u0000",
  "\ud800",
  "a".repeat(5_000),
  [],
  [[[[[[]]]]]],
  {},
  { __proto__: null, constructor: 1 },
  "4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11",
  "../../etc/passwd",
  "' OR 1=1 --",
];

/** Something like a frame: a valid one, changed here and there, or nothing of the kind. */
export function fuzzFrame(random: Random, examples: readonly unknown[]): string | Buffer {
  const whim = random.next();
  if (whim < 0.02) return noise(random, random.between(0, 200));
  if (whim < 0.05) return noise(random, random.between(0, 200)).toString("latin1");
  const text = JSON.stringify(mutate(random, structuredClone(random.pick(examples)), random.between(0, 3)));
  if (whim < 0.15) return flip(random, text);
  if (whim < 0.17) return `${"[".repeat(random.between(1, 20_000))}${text}`;
  return text;
}

/** Something like the request of an upgrade. */
export function fuzzUpgrade(random: Random, token: string): string {
  const path = random.pick([
    "/ws",
    "/ws?",
    "/",
    "/ws/../ws",
    "/%00",
    "//",
    `/ws?${"a".repeat(9_000)}`,
    "/api/sessions",
  ]);
  const query = random.pick([
    "",
    `?token=${token}`,
    "?token=",
    "?ticket=x",
    "?deviceId=%ff",
    `?token=${token}&window=-1&protocol=x`,
  ]);
  const headers = [
    `Host: ${random.pick(["127.0.0.1", "", "evil.example", "localhost:99999", "[::1", "a".repeat(3_000)])}`,
    random.pick(["Connection: Upgrade", "Connection: close", "connection: upgrade, keep-alive", ""]),
    random.pick(["Upgrade: websocket", "Upgrade: h2c", "upgrade: WEBSOCKET", ""]),
    `Sec-WebSocket-Key: ${random.pick(["dGhlIHNhbXBsZSBub25jZQ==", "short", "", "=".repeat(1_000)])}`,
    `Sec-WebSocket-Version: ${random.pick(["13", "8", "99", "x", ""])}`,
    random.pick(["", "Origin: http://evil.example", "Origin: null", "Origin: ://"]),
    random.pick([
      "",
      `Authorization: Bearer ${token}`,
      "Authorization: Basic x",
      "Authorization:",
      "Authorization: Bearer",
    ]),
    random.pick([
      "",
      "x-device-id: \u0001",
      "x-device-id: not-a-uuid",
      "Content-Length: -5",
      "Transfer-Encoding: chunked",
    ]),
  ];
  const request = `${random.pick(["GET", "GET", "POST", "G\u0000T"])} ${path}${query} HTTP/1.1\r\n${headers.filter(Boolean).join("\r\n")}\r\n\r\n`;
  return random.chance(0.1) ? flip(random, request) : request;
}

const strangeValue = (random: Random): unknown => structuredClone(random.pick(strange));

function mutate(random: Random, value: unknown, times: number): unknown {
  let changed = value;
  for (let i = 0; i < times; i++) changed = mutateOnce(random, changed);
  return changed;
}
function mutateOnce(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.15)) return strangeValue(random);
  const keys = Object.keys(value);
  const fields = value as Record<string, unknown>;
  if (keys.length === 0 || random.chance(0.1)) return Object.assign(value, { extra: strangeValue(random) });
  const key = random.pick(keys);
  if (random.chance(0.3)) delete fields[key];
  else fields[key] = mutateOnce(random, fields[key]);
  return value;
}
function flip(random: Random, text: string): string {
  const bytes = Buffer.from(text);
  for (let i = random.between(1, 5); i > 0 && bytes.length > 0; i--)
    bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
  return bytes.toString("latin1");
}
const noise = (random: Random, size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, () => random.between(0, 255)));
