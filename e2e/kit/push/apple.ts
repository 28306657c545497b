import { generateKeyPairSync } from "node:crypto";
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { importSPKI, jwtVerify } from "jose";
import { listen } from "../listen.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";

/** What Apple was asked. */
export interface AppleRequest {
  token: string;
  notificationId: string;
  pushType: string;
  priority: string;
  collapseId: string | undefined;
  expiration: number;
  payload: {
    aps: Record<string, unknown> & { alert?: { title: string; body: string }; badge?: number };
    companion: Record<string, unknown> & { actionToken?: string; sessionId?: string };
  };
  bytes: number;
}

/** What to do with a request that is all right. */
export type AppleAnswer =
  | { status: number; reason?: string; headers?: Record<string, string> }
  /** The stream is reset before there is an answer. */
  | "reset"
  /** The connection is told to go away, and this request fails. */
  | "goaway"
  /** Nothing comes. */
  | "silence";

/** Apple's push service, as its documentation describes it: what it would refuse, this refuses with the same reason. */
export interface Apple extends AsyncDisposable {
  readonly url: string;
  readonly certificate: Certificate;
  /** The .p8 file. */
  readonly key: string;
  readonly keyId: string;
  readonly teamId: string;
  readonly topic: string;
  /** All that was delivered, in order. */
  readonly delivered: AppleRequest[];
  /** Reasons of what was refused because the request was wrong. */
  readonly faults: string[];
  readonly connections: number;
  /** @param decide asked for each request that is all right */
  answer(decide: (request: AppleRequest) => AppleAnswer | Promise<AppleAnswer>): void;
  /** Resolves with the first delivered request that fits. */
  next(fits: (request: AppleRequest) => boolean): Promise<AppleRequest>;
}

const sizeMax = 4_096;

export async function startApple(certificate?: Certificate): Promise<Apple> {
  const { cert, key } = certificate ?? (await makeCertificate());
  const signer = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = await importSPKI(signer.publicKey.export({ type: "spki", format: "pem" }).toString(), "ES256");
  const [keyId, teamId, topic] = ["ABC123DEFG", "TEAM123456", "org.example.companion"];
  const delivered: AppleRequest[] = [];
  const faults: string[] = [];
  const waiting: { fits: (request: AppleRequest) => boolean; found: (request: AppleRequest) => void }[] = [];
  const sessions = new Set<ServerHttp2Session>();
  let connections = 0;
  let decide: (request: AppleRequest) => AppleAnswer | Promise<AppleAnswer> = () => ({ status: 200 });

  const one = (headers: IncomingHttpHeaders, name: string) => String(headers[name] ?? "");

  /** @returns the reason why Apple refuses, or what was asked */
  async function check(headers: IncomingHttpHeaders, body: string): Promise<[number, string] | AppleRequest> {
    if (headers[":method"] !== "POST") return [405, "MethodNotAllowed"];
    const token = /^\/3\/device\/([0-9a-f]*)$/.exec(String(headers[":path"]))?.[1];
    if (token === undefined) return [404, "BadPath"];
    if (token.length < 64) return [400, "BadDeviceToken"];
    const jwt = /^bearer (\S+)$/.exec(one(headers, "authorization"))?.[1];
    if (jwt === undefined) return [403, "MissingProviderToken"];
    const verified = await jwtVerify(jwt, publicKey, { algorithms: ["ES256"], issuer: teamId }).catch(() => undefined);
    if (verified?.protectedHeader.kid !== keyId) return [403, "InvalidProviderToken"];
    const age = Date.now() / 1_000 - (verified.payload.iat ?? 0);
    if (age > 3_600 || age < -60) return [403, "ExpiredProviderToken"];
    if (headers["apns-topic"] === undefined) return [400, "MissingTopic"];
    if (headers["apns-topic"] !== topic) return [400, "TopicDisallowed"];
    const id = one(headers, "apns-id");
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return [400, "BadMessageId"];
    const pushType = one(headers, "apns-push-type");
    if (!["alert", "background"].includes(pushType)) return [400, "InvalidPushType"];
    const priority = one(headers, "apns-priority");
    if (!["1", "5", "10"].includes(priority) || (pushType === "background" && priority !== "5"))
      return [400, "BadPriority"];
    const expiration = one(headers, "apns-expiration");
    if (!/^\d+$/.test(expiration)) return [400, "BadExpirationDate"];
    const collapseId = headers["apns-collapse-id"];
    if (collapseId !== undefined && Buffer.byteLength(String(collapseId)) > 64) return [400, "BadCollapseId"];
    const bytes = Buffer.byteLength(body);
    if (bytes === 0) return [400, "PayloadEmpty"];
    if (bytes > sizeMax) return [413, "PayloadTooLarge"];
    const payload: AppleRequest["payload"] = JSON.parse(body);
    if (pushType === "background" && (payload.aps["content-available"] !== 1 || payload.aps.alert || payload.aps.badge))
      return [400, "InvalidPushType"];
    return {
      token,
      notificationId: id,
      pushType,
      priority,
      collapseId: collapseId === undefined ? undefined : String(collapseId),
      expiration: Number(expiration),
      payload,
      bytes,
    };
  }
  function refuse(
    stream: ServerHttp2Stream,
    status: number,
    reason: string,
    headers: Record<string, string> = {},
  ): void {
    if (stream.destroyed) return;
    stream.respond({ ":status": status, ...headers });
    stream.end(JSON.stringify({ reason, ...(status === 410 ? { timestamp: Date.now() } : {}) }));
  }
  async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    let body = "";
    for await (const chunk of stream.setEncoding("utf8")) body += chunk;
    const checked = await check(headers, body);
    if (Array.isArray(checked)) {
      faults.push(checked[1]);
      return refuse(stream, ...checked);
    }
    const answer = await decide(checked);
    if (answer === "silence") return;
    if (answer === "goaway") {
      stream.session?.goaway();
      return stream.close(0x7);
    }
    if (answer === "reset") return stream.close(0x2);
    if (answer.status !== 200) return refuse(stream, answer.status, answer.reason ?? "", answer.headers);
    if (stream.destroyed) return;
    delivered.push(checked);
    for (const waiter of [...waiting]) {
      if (!waiter.fits(checked)) continue;
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.found(checked);
    }
    stream.respond({ ":status": 200, "apns-id": checked.notificationId });
    stream.end();
  }

  const server = createSecureServer({ cert, key });
  server.on("session", (session) => {
    connections += 1;
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    serve(stream, headers).catch(() => stream.close(0x2));
  });
  const port = await listen(server);
  return {
    url: `https://127.0.0.1:${port}`,
    certificate: { cert, key },
    key: signer.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    keyId,
    teamId,
    topic,
    delivered,
    faults,
    get connections() {
      return connections;
    },
    answer(given) {
      decide = given;
    },
    next(fits) {
      const known = delivered.find(fits);
      if (known) return Promise.resolve(known);
      return new Promise((found) => waiting.push({ fits, found }));
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
