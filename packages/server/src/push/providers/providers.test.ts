import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { PushPayload } from "@claude-companion/protocol";
import { listen } from "../../../../../e2e/kit/listen.ts";
import { startApple } from "../../../../../e2e/kit/push/apple.ts";
import { startPushedBrowser } from "../../../../../e2e/kit/push/browser.ts";
import { type Certificate, makeCertificate } from "../../../../../e2e/kit/push/certificate.ts";
import { startGoogle } from "../../../../../e2e/kit/push/google.ts";
import { systemClock } from "../../clock.ts";
import { createMemoryStorage } from "../../storage/index.ts";
import { createApns } from "./apns.ts";
import { createFcm, FcmCredentials } from "./fcm.ts";
import type { PushMessage } from "./notifier.ts";
import { createNtfy } from "./ntfy.ts";
import { createWebPush, vapidKeysOf } from "./web-push.ts";
import { createWebhook } from "./webhook.ts";

const token = "e3".repeat(32);
const payload: PushPayload = {
  notificationId: "2f6a0b0e-51a6-4f3b-8b60-2d8b5f9d7c11",
  reason: "permission",
  sessionId: "4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11",
  permissionId: "toolu_01",
  title: "shop",
  body: "Waiting for your permission.",
  url: "claude-companion://session/4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11?permission=toolu_01",
  waiting: 2,
  actions: ["allow", "deny"],
  actionToken: "one-time-token-of-32-bytes",
};
const message = (change: Partial<PushMessage> = {}, words: Partial<PushPayload> = {}): PushMessage => ({
  payload: { ...payload, ...words },
  urgent: true,
  silent: false,
  collapseId: "Sy96DG0OT1mfDCsfbQ9aEQp",
  expiresAt: Date.now() + 3_600_000,
  correlationId: "0af7651916cd43dd8448eb211c80319c",
  ...change,
});
const soon = () => AbortSignal.timeout(5_000);
/** More than fits, of characters that take four bytes each and must not be cut in half. */
const long = "😀".repeat(3_000);

describe("push providers", () => {
  let certificate: Certificate;
  const roots = getCACertificates("default");
  before(async () => {
    certificate = await makeCertificate();
    setDefaultCACertificates([...roots, certificate.cert]);
  });
  after(() => setDefaultCACertificates(roots));

  test("[PSH-13] Apple takes what we send: token, topic, type, priority, sizes; alerts and silent ones; one connection for all", async () => {
    await using apple = await startApple(certificate);
    const { key: pem, keyId, teamId, topic } = apple;
    const apns = createApns({ key: { pem, keyId, teamId, topic }, origin: apple.url, clock: systemClock });
    const address = { platform: "apns", pushToken: token, environment: "production", topic: undefined } as const;
    assert.equal(apns.missing, undefined);
    assert.equal((await apns.send(address, message(), soon())).outcome, "delivered");
    const [alert = assert.fail()] = apple.delivered;
    assert.deepEqual(alert.payload.aps, {
      alert: { title: "shop", body: "Waiting for your permission." },
      badge: 2,
      sound: "default",
      category: "permission",
      "mutable-content": 1,
      "thread-id": payload.sessionId,
      "interruption-level": "time-sensitive",
    });
    assert.deepEqual([alert.token, alert.pushType, alert.priority], [token, "alert", "10"]);
    assert.equal(alert.payload.companion.actionToken, payload.actionToken);
    await apns.send(address, message({ silent: true }), soon());
    assert.deepEqual(
      [apple.delivered[1]?.pushType, apple.delivered[1]?.payload.aps],
      ["background", { "content-available": 1 }],
    );
    await apns.send(address, message({}, { body: long }), soon());
    await apns.send(address, message({}, { title: long, body: long }), soon());
    const cut = apple.delivered[2]?.payload.aps.alert?.body ?? "";
    assert.ok((apple.delivered[2]?.bytes ?? 0) > 4_000, "as much as fits");
    assert.match(cut, /^(😀)+…$/u, "cut between characters");
    await Promise.all(Array.from({ length: 200 }, () => apns.send(address, message(), soon())));
    assert.deepEqual([apple.delivered.length, apple.faults, apple.connections], [204, [], 1]);
    apns.close();
    assert.match(createApns({ key: undefined, origin: undefined, clock: systemClock }).missing ?? "", /APNS_KEY/);
  });

  test("[PSH-14] each answer of Apple means what its documentation says; broken connections are made anew", async () => {
    await using apple = await startApple(certificate);
    const { key: pem, keyId, teamId, topic } = apple;
    const make = (change: object = {}) =>
      createApns({ key: { pem, keyId, teamId, topic, ...change }, origin: apple.url, clock: systemClock });
    const apns = make();
    const address = { platform: "apns", pushToken: token, environment: "sandbox", topic: undefined } as const;
    const table: [number, string, string, boolean?][] = [
      [400, "BadDeviceToken", "dead"],
      [400, "DeviceTokenNotForTopic", "dead"],
      [410, "Unregistered", "dead"],
      [410, "ExpiredToken", "dead"],
      [400, "BadCollapseId", "refused"],
      [400, "BadMessageId", "refused"],
      [400, "PayloadEmpty", "refused"],
      [404, "BadPath", "refused"],
      [405, "MethodNotAllowed", "refused"],
      [413, "PayloadTooLarge", "refused"],
      [403, "ExpiredProviderToken", "retry", true],
      [403, "InvalidProviderToken", "retry", true],
      [403, "Forbidden", "retry", true],
      [429, "TooManyRequests", "retry", false],
      [429, "TooManyProviderTokenUpdates", "retry", true],
      [500, "InternalServerError", "retry", true],
      [503, "ServiceUnavailable", "retry", true],
      [503, "Shutdown", "retry", true],
    ];
    for (const [status, reason, outcome, isProviders] of table) {
      apple.answer(() => ({ status, reason, headers: { "retry-after": "7" } }));
      const result = await apns.send(address, message(), soon());
      assert.deepEqual([reason, result.outcome], [reason, outcome]);
      if (result.outcome === "retry") assert.deepEqual([result.isProviders, result.retryAfterMs], [isProviders, 7_000]);
    }
    apple.answer(() => "reset");
    assert.equal((await apns.send(address, message(), soon())).outcome, "retry");
    apple.answer(() => "goaway");
    assert.equal((await apns.send(address, message(), soon())).outcome, "retry");
    apple.answer(() => "silence");
    assert.equal((await apns.send(address, message(), AbortSignal.timeout(100))).outcome, "retry");
    apple.answer(() => ({ status: 200 }));
    assert.equal((await apns.send(address, message(), soon())).outcome, "delivered", "by a new connection");
    const stranger = make({ keyId: "ZZZ123DEFG" });
    assert.match(JSON.stringify(await stranger.send(address, message(), soon())), /InvalidProviderToken/);
    const nowhere = createApns({
      key: { pem, keyId, teamId, topic },
      origin: "https://127.0.0.1:9",
      clock: systemClock,
    });
    assert.match(
      JSON.stringify(await nowhere.send(address, message(), soon())),
      /could not be reached: .*ECONNREFUSED/,
    );
    for (const one of [apns, stranger, nowhere]) one.close();
  });

  test("[PSH-15] a browser decrypts what we send, and its push service knows us by a key that is kept", async () => {
    await using browser = await startPushedBrowser(certificate);
    const { records } = createMemoryStorage({ now: Date.now });
    const keys = await vapidKeysOf(records.keys);
    assert.deepEqual(await vapidKeysOf(records.keys), keys, "made once");
    const webPush = createWebPush({ keys, contact: "mailto:ada@example.org", clock: systemClock });
    const subscription = browser.subscribe(keys.publicKey);
    const address = { platform: "webPush", subscription, vapidPublicKey: keys.publicKey } as const;
    assert.equal((await webPush.send(address, message(), soon())).outcome, "delivered");
    const [got = assert.fail()] = browser.received;
    assert.deepEqual(got.payload, payload);
    assert.deepEqual([got.urgency, got.topic], ["high", message().collapseId]);
    assert.ok(got.ttl > 3_500 && got.ttl <= 3_600);
    await webPush.send(address, message({}, { body: long }), soon());
    assert.match(String(browser.received[1]?.payload.body), /^(😀)+…$/u);
    assert.deepEqual(browser.faults, []);
    for (const [status, outcome] of [
      [404, "dead"],
      [410, "dead"],
      [413, "refused"],
      [429, "retry"],
      [500, "retry"],
      [403, "retry"],
    ] as const) {
      browser.answer(() => ({ status, headers: { "retry-after": "3" } }));
      const result = await webPush.send(address, message(), soon());
      assert.deepEqual([status, result.outcome], [status, outcome]);
      if (result.outcome === "retry") assert.equal(result.retryAfterMs, 3_000);
    }
    assert.equal(webPush.staleness(address), undefined);
    assert.match(webPush.staleness({ ...address, vapidPublicKey: "another" }) ?? "", /subscribe anew/);
    assert.match(createWebPush({ keys, contact: undefined, clock: systemClock }).missing ?? "", /WEB_PUSH_CONTACT/);
    const apples = createWebPush({ keys, contact: "mailto:me@localhost", clock: systemClock });
    browser.answer(() => ({ status: 201 }));
    assert.equal((await apples.send(address, message(), soon())).outcome, "retry", "as Apple refuses it");
  });

  test("[PSH-16] Google takes what we send, with an access token that is asked for once; its errors mean what it says", async () => {
    await using google = await startGoogle();
    const credentials = FcmCredentials.parse(JSON.parse(google.credentials));
    const fcm = createFcm({ credentials, origin: google.url, clock: systemClock });
    const address = { platform: "fcm", pushToken: "registration-token" } as const;
    const results = await Promise.all([1, 2, 3].map(() => fcm.send(address, message(), soon())));
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ["delivered", "delivered", "delivered"],
    );
    assert.equal(google.logins, 1);
    const [got = assert.fail()] = google.received;
    assert.deepEqual(got.data, { ...payload, waiting: "2", actions: '["allow","deny"]', silent: "false" });
    assert.deepEqual([got.android.priority, got.android.collapse_key], ["HIGH", message().collapseId]);
    assert.match(String(got.android.ttl), /^35\d\ds$|^3600s$/);
    await fcm.send(address, message({}, { body: long }), soon());
    assert.match(google.received[3]?.data.body ?? "", /^(😀)+…$/u);
    const withCode = (errorCode: string) => ({ error: { status: "X", details: [{ errorCode }] } });
    const badToken = {
      error: { status: "INVALID_ARGUMENT", details: [{ fieldViolations: [{ field: "message.token" }] }] },
    };
    const table: [number, object, string, number?][] = [
      [404, withCode("UNREGISTERED"), "dead"],
      [403, withCode("SENDER_ID_MISMATCH"), "dead"],
      [400, badToken, "dead"],
      [400, withCode("INVALID_ARGUMENT"), "refused"],
      [429, withCode("QUOTA_EXCEEDED"), "retry", 60_000],
      [503, withCode("UNAVAILABLE"), "retry"],
      [500, {}, "retry"],
      [401, withCode("THIRD_PARTY_AUTH_ERROR"), "retry"],
    ];
    for (const [status, body, outcome, waitMs] of table) {
      google.answer(() => ({ status, body }));
      const result = await fcm.send(address, message(), soon());
      assert.deepEqual([status, body, result.outcome], [status, body, outcome]);
      if (result.outcome === "retry") assert.equal(result.retryAfterMs, waitMs);
    }
    google.answer(() => ({ status: 200 }));
    assert.equal((await fcm.send(address, message(), soon())).outcome, "delivered");
    assert.equal(google.logins, 2, "after a 401 it is asked for again");
    const stranger = createFcm({
      credentials: { ...credentials, client_email: "eve@example.org" },
      origin: google.url,
      clock: systemClock,
    });
    assert.match(JSON.stringify(await stranger.send(address, message(), soon())), /does not take FCM_CREDENTIALS/);
  });

  test("[PSH-17] those without an app are told by ntfy, with buttons, and by a signed webhook", async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    let status = 200;
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      seen.push({ request, body });
      response.writeHead(status, { "retry-after": "2" }).end();
    });
    const origin = `http://127.0.0.1:${await listen(server)}`;

    const ntfy = createNtfy({ publicUrl: "https://companion.example", clock: systemClock });
    const channel = { platform: "ntfy", url: `${origin}/my-topic`, accessToken: "tk_secret" } as const;
    const linked = { webUrl: "https://companion.example/session/1" };
    assert.equal((await ntfy.send(channel, message({}, linked), soon())).outcome, "delivered");
    const published = JSON.parse(seen[0]?.body ?? "");
    assert.deepEqual(
      [published.topic, published.title, published.priority, published.click],
      ["my-topic", "shop", 5, linked.webUrl],
    );
    assert.deepEqual(
      published.actions.map((action: { label: string; url: string; body: string }) => [
        action.label,
        action.url,
        JSON.parse(action.body),
      ]),
      [
        [
          "Allow",
          "https://companion.example/api/push-notifications/actions",
          { actionToken: payload.actionToken, action: "allow" },
        ],
        [
          "Deny",
          "https://companion.example/api/push-notifications/actions",
          { actionToken: payload.actionToken, action: "deny" },
        ],
      ],
    );
    assert.deepEqual([seen[0]?.request.url, seen[0]?.request.headers.authorization], ["/", "Bearer tk_secret"]);
    await createNtfy({ publicUrl: undefined, clock: systemClock }).send(channel, message(), soon());
    assert.deepEqual(JSON.parse(seen[1]?.body ?? "").actions, [], "no buttons that lead nowhere");

    const webhook = createWebhook({ clock: systemClock });
    const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
    const hook = { platform: "webhook", url: `${origin}/hook`, secret } as const;
    assert.equal((await webhook.send(hook, message(), soon())).outcome, "delivered");
    const { request, body } = seen[2] ?? assert.fail();
    const [id, timestamp] = [request.headers["webhook-id"], request.headers["webhook-timestamp"]];
    const wanted = createHmac("sha256", Buffer.alloc(24, 7)).update(`${id}.${timestamp}.${body}`).digest("base64");
    assert.equal(request.headers["webhook-signature"], `v1,${wanted}`);
    assert.equal(request.headers.traceparent, "00-0af7651916cd43dd8448eb211c80319c-8b602d8b5f9d7c11-01");
    assert.deepEqual([id, JSON.parse(body).permissionId], [payload.notificationId, "toolu_01"]);

    const meanings: [number, string, string][] = [
      [503, "retry", "retry"],
      [429, "retry", "retry"],
      [410, "refused", "dead"],
      [403, "dead", "refused"],
      [404, "refused", "refused"],
      [302, "refused", "refused"],
    ];
    for (const [given, ofNtfy, ofWebhook] of meanings) {
      status = given;
      const results = await Promise.all([ntfy.send(channel, message(), soon()), webhook.send(hook, message(), soon())]);
      assert.deepEqual([given, ...results.map(({ outcome }) => outcome)], [given, ofNtfy, ofWebhook]);
      for (const result of results) if (result.outcome === "retry") assert.equal(result.retryAfterMs, 2_000);
    }
    server.close();
    server.closeAllConnections();
  });
});
