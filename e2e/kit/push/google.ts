import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { importSPKI, jwtVerify } from "jose";
import { listen } from "../listen.ts";

/** Google's token endpoint and FCM HTTP v1, as far as a sender sees them. */
export interface Google extends AsyncDisposable {
  readonly url: string;
  /** The service account's JSON. */
  readonly credentials: string;
  readonly received: { token: string; data: Record<string, string>; android: Record<string, string> }[];
  readonly faults: string[];
  /** How often an access token was asked for. */
  readonly logins: number;
  answer(decide: () => { status: number; body?: object; headers?: Record<string, string> }): void;
}

export async function startGoogle(): Promise<Google> {
  const signer = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const publicKey = await importSPKI(signer.publicKey.export({ type: "spki", format: "pem" }).toString(), "RS256");
  const received: Google["received"] = [];
  const faults: string[] = [];
  const accessTokens = new Set<string>();
  let decide: () => { status: number; body?: object; headers?: Record<string, string> } = () => ({ status: 200 });
  let origin = "";
  let logins = 0;

  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const reply = (status: number, json: object, headers: Record<string, string> = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
    const refuse = (status: number, why: string) => {
      faults.push(why);
      return reply(status, { error: { status: why, message: why } });
    };
    if (request.url === "/token") {
      const form = new URLSearchParams(body);
      if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return refuse(400, "invalid_grant");
      try {
        const { payload } = await jwtVerify(form.get("assertion") ?? "", publicKey, {
          audience: `${origin}/token`,
          issuer: "push@example-project.iam.gserviceaccount.com",
        });
        if (payload.scope !== "https://www.googleapis.com/auth/firebase.messaging") return refuse(400, "invalid_scope");
      } catch (error) {
        return refuse(400, String(error));
      }
      logins += 1;
      const token = randomBytes(16).toString("hex");
      accessTokens.add(token);
      return reply(200, { access_token: token, expires_in: 3_599, token_type: "Bearer" });
    }
    if (request.url !== "/v1/projects/example-project/messages:send") return refuse(404, "NOT_FOUND");
    if (!accessTokens.has(/^Bearer (\w+)$/.exec(request.headers.authorization ?? "")?.[1] ?? ""))
      return refuse(401, "UNAUTHENTICATED");
    const { message } = JSON.parse(body);
    if (Object.values(message.data).some((value) => typeof value !== "string")) return refuse(400, "INVALID_ARGUMENT");
    if (Buffer.byteLength(JSON.stringify(message.data)) > 4_096) return refuse(400, "INVALID_ARGUMENT");
    const answer = decide();
    if (answer.status !== 200) return reply(answer.status, answer.body ?? {}, answer.headers);
    received.push(message);
    reply(200, { name: `projects/example-project/messages/${received.length}` });
  });
  origin = `http://127.0.0.1:${await listen(server)}`;
  return {
    url: origin,
    credentials: JSON.stringify({
      type: "service_account",
      project_id: "example-project",
      client_email: "push@example-project.iam.gserviceaccount.com",
      private_key: signer.privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: `${origin}/token`,
    }),
    received,
    faults,
    get logins() {
      return logins;
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
