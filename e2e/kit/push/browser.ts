import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer } from "node:https";
import { importJWK, jwtVerify } from "jose";
import { listen } from "../listen.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";

/** What a browser was sent, decrypted. */
export interface PushedMessage {
  payload: Record<string, unknown>;
  topic: string | undefined;
  urgency: string | undefined;
  ttl: number;
}

/** A browser and its push service: verifies VAPID (RFC 8292) and decrypts (RFC 8291, 8188) as they do. */
export interface PushedBrowser extends AsyncDisposable {
  readonly url: string;
  readonly certificate: Certificate;
  /** A new subscription, bound to a server's key. */
  subscribe(vapidPublicKey: string): { endpoint: string; keys: { p256dh: string; auth: string } };
  readonly received: PushedMessage[];
  /** Why something was refused. */
  readonly faults: string[];
  /** @param decide the status of a message that is all right; 201 is taken */
  answer(decide: () => { status: number; headers?: Record<string, string> }): void;
}

export async function startPushedBrowser(certificate?: Certificate): Promise<PushedBrowser> {
  const { cert, key } = certificate ?? (await makeCertificate());
  const received: PushedMessage[] = [];
  const faults: string[] = [];
  const subscriptions = new Map<
    string,
    { ecdh: ReturnType<typeof createECDH>; auth: Buffer; vapidPublicKey: string }
  >();
  let decide: () => { status: number; headers?: Record<string, string> } = () => ({ status: 201 });
  let origin = "";

  async function verifyVapid(authorization: string, vapidPublicKey: string): Promise<void> {
    const [, jwt = "", given = ""] = /^vapid t=([^,]+), ?k=(.+)$/.exec(authorization) ?? [];
    if (given !== vapidPublicKey) throw new Error("another key than the subscription's");
    const point = Buffer.from(given, "base64url");
    const publicKey = await importJWK(
      {
        kty: "EC",
        crv: "P-256",
        x: point.subarray(1, 33).toString("base64url"),
        y: point.subarray(33, 65).toString("base64url"),
      },
      "ES256",
    );
    const { payload } = await jwtVerify(jwt, publicKey, { audience: origin, algorithms: ["ES256"] });
    if ((payload.exp ?? Number.POSITIVE_INFINITY) > Date.now() / 1_000 + 86_400)
      throw new Error("valid for over a day");
    // Apple refuses contacts that nobody can be reached by.
    if (!/^(mailto:[^@]+@(?!localhost)[^@]+|https:\/\/.+)$/.test(payload.sub ?? "")) throw new Error("no contact");
  }
  /** RFC 8188, with the keys of RFC 8291, 3.4. */
  function decrypt(body: Buffer, { ecdh, auth }: { ecdh: ReturnType<typeof createECDH>; auth: Buffer }): string {
    const salt = body.subarray(0, 16);
    const idLength = body.readUInt8(20);
    const senderKey = body.subarray(21, 21 + idLength);
    const sealed = body.subarray(21 + idLength);
    const hkdf = (secret: Buffer, saltOf: Buffer, info: Buffer, length: number) =>
      Buffer.from(hkdfSync("sha256", secret, saltOf, info, length));
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), ecdh.getPublicKey(), senderKey]);
    const secret = hkdf(ecdh.computeSecret(senderKey), auth, info, 32);
    const contentKey = hkdf(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
    const nonce = hkdf(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
    const decipher = createDecipheriv("aes-128-gcm", contentKey, nonce);
    decipher.setAuthTag(sealed.subarray(-16));
    const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    return padded.subarray(0, padded.lastIndexOf(2)).toString();
  }

  const server = createServer({ cert, key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const refuse = (status: number, why: string) => {
      faults.push(why);
      response.writeHead(status).end(why);
    };
    const subscription = subscriptions.get(request.url ?? "");
    if (subscription === undefined) return refuse(404, "no such subscription");
    if (request.headers["content-encoding"] !== "aes128gcm") return refuse(400, "not aes128gcm");
    if (body.length > 4_096) return refuse(413, "too large");
    const topic = request.headers.topic?.toString();
    if (topic !== undefined && !/^[\w-]{1,32}$/.test(topic)) return refuse(400, "bad topic");
    try {
      await verifyVapid(request.headers.authorization ?? "", subscription.vapidPublicKey);
    } catch (error) {
      return refuse(403, String(error));
    }
    const { status, headers } = decide();
    if (status !== 201) return response.writeHead(status, headers).end();
    received.push({
      payload: JSON.parse(decrypt(body, subscription)),
      topic,
      urgency: request.headers.urgency?.toString(),
      ttl: Number(request.headers.ttl),
    });
    response.writeHead(201, { location: `${origin}/message/1` }).end();
  });
  origin = `https://127.0.0.1:${await listen(server)}`;
  return {
    url: origin,
    certificate: { cert, key },
    received,
    faults,
    subscribe(vapidPublicKey) {
      const ecdh = createECDH("prime256v1");
      ecdh.generateKeys();
      const auth = randomBytes(16);
      const path = `/push/${randomBytes(8).toString("hex")}`;
      subscriptions.set(path, { ecdh, auth, vapidPublicKey });
      return {
        endpoint: `${origin}${path}`,
        keys: { p256dh: ecdh.getPublicKey("base64url"), auth: auth.toString("base64url") },
      };
    },
    answer(given) {
      decide = given;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
