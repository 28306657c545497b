import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Notification, PushTarget } from "@claude-companion/protocol";
import { prompt } from "./kit/directive.ts";
import { outputOf } from "./kit/lines.ts";
import { type Model, startModel } from "./kit/model.ts";
import { type Apple, startApple } from "./kit/push/apple.ts";
import { prepareApple } from "./kit/push/settings.ts";
import { runCommand } from "./kit/server.ts";
import { watch } from "./kit/watcher.ts";
import { startWorld } from "./kit/world.ts";

const tokenOf = (n: number) => n.toString(16).padStart(64, "0");

/** A world whose server sends to this Apple. */
async function worldWith(apple: Apple, model: Pick<Model, "url">, extra: Record<string, string> = {}) {
  const settings: Record<string, string> = { ...extra };
  return startWorld(model, settings, prepareApple(apple, settings));
}

describe("push, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-32] a phone that is gone hears of a permission within a second, allows it from the lock screen, and the turn goes on", async (t) => {
    await using apple = await startApple();
    await using world = await worldWith(apple, model);
    const phone = await world.server.device("Ada's phone");
    const { target } = await phone.request("registerDevice", { platform: "apns", pushToken: tokenOf(1) });
    assert.equal(target.name, "Ada's phone");
    const { session } = await phone.request("createSession", { workingDirectory: world.place.project, reuse: false });
    const { sessionId } = session;
    const desk = await world.server.device("desk");
    const view = watch(desk.subscribe(sessionId));
    await phone.request("sessionForegrounded", { sessionId });
    await phone.send(
      sessionId,
      prompt({ tools: [{ name: "Bash", input: { command: "touch allowed.txt" } }] }, { say: "It is there." }),
    );
    phone.close();

    const { timestamp } = await view.until("permissionRequest");
    const alert = await apple.next(({ payload }) => payload.companion.sessionId === sessionId);
    const tookMs = Date.now() - Date.parse(timestamp);
    t.diagnostic(`asked to Apple: ${tookMs} ms`);
    assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
    assert.deepEqual(
      [alert.payload.aps.alert, alert.payload.aps.badge],
      [{ title: "one", body: "Waiting for your permission." }, 1],
    );
    assert.ok(!JSON.stringify(alert).includes("allowed.txt"), "no content without being asked for");
    assert.equal(existsSync(join(world.place.project, "allowed.txt")), false);

    const pressed = await fetch(`${world.server.url}/api/push-notifications/actions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ actionToken: alert.payload.companion.actionToken, action: "allow" }),
    });
    assert.deepEqual([pressed.status, await pressed.json()], [200, { sessionId }]);
    const resolved = await view.until("permissionResolved");
    assert.deepEqual([resolved.data.decision, resolved.data.by?.name], ["allow", "Ada's phone"]);
    await view.until("turnCompleted", ({ data }) => data.result === "success");
    assert.equal(existsSync(join(world.place.project, "allowed.txt")), true);
    await apple.next(({ pushType }) => pushType === "background");
    const finished = await apple.next(({ payload }) => payload.companion.reason === "turnFinished");
    assert.equal(finished.payload.aps.alert?.body, "Finished; ready for the next message.");
    assert.deepEqual(apple.faults, []);

    const explained = runCommand(world.place, ["push", "explain", sessionId]);
    const [said] = await outputOf(explained);
    assert.match(said, /a permission waited\. The device is not looking\. Sent; Apple took it\./);
    const tested = runCommand(world.place, ["push", "test"]);
    const [result] = await outputOf(tested);
    assert.match(result, /Ada's phone \(apns\): .*Apple took it/);
    const stats: { sent: number } = (await world.api("GET", "/api/push-notifications/stats")).body;
    assert.equal(stats.sent, apple.delivered.length);
  });

  test("[E2E-33] killed with 1,000 notifications on their way: each arrives, and none again at a device that has said that it has it", async (t) => {
    const count = 1_000;
    await using apple = await startApple();
    await using world = await worldWith(apple, model, { COMMANDS_PER_SECOND: "100000", PUSH_ESCALATE_MINUTES: "0" });
    const register = (n: number) =>
      world.api(
        "POST",
        "/api/push-notifications/targets",
        { platform: "apns", pushToken: tokenOf(n) },
        { "x-device-id": randomUUID() },
      );
    for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, (_, i) => register(n + i)));
    const { device, sessionId, view } = await world.session();

    /** Apple is slow, and now and then in trouble. */
    apple.answer(async () => {
      await setTimeout(Math.random() * 400);
      const dice = Math.random();
      return dice < 0.05
        ? { status: 503, reason: "ServiceUnavailable" }
        : dice < 0.1
          ? "reset"
          : dice < 0.102
            ? "goaway"
            : { status: 200 };
    });
    await device.send(sessionId, prompt({ tools: [{ name: "Bash", input: { command: "touch it" } }] }, { say: "ok" }));
    await view.until("permissionRequest");
    const acknowledged = new Set<string>();
    while (apple.delivered.length < 300) await setTimeout(5);
    for (const { notificationId, token } of apple.delivered.slice(0, 150)) {
      const { status } = await world.api("POST", "/api/push-notifications/receipts", {
        notificationId,
        event: "shown",
      });
      if (status === 200) acknowledged.add(token);
    }
    await world.server.stop("SIGKILL");
    const before = apple.delivered.length;
    assert.ok(before < count, "it was killed in the middle");
    await world.startAgain();
    while (new Set(apple.delivered.map(({ token }) => token)).size < count) await setTimeout(20);
    // What might come twice comes soon.
    await setTimeout(1_000);
    const times = Map.groupBy(apple.delivered, ({ token }) => token);
    const twice = [...times].filter(([, all]) => all.length > 1).map(([token]) => token);
    t.diagnostic(`delivered before the kill: ${before}, acknowledged: ${acknowledged.size}, twice: ${twice.length}`);
    assert.deepEqual(
      twice.filter((token) => acknowledged.has(token)),
      [],
    );
    assert.deepEqual(apple.faults, []);
    const { targets }: { targets: PushTarget[] } = (await world.api("GET", "/api/push-notifications/targets")).body;
    assert.equal(targets.filter(({ bad }) => bad !== undefined).length, 0);
    const logged = await world.api("GET", "/api/push-notifications/log?limit=500");
    const { notifications: states }: { notifications: Notification[] } = logged.body;
    assert.deepEqual(new Set(states.map(({ state }) => state)), new Set(["sent"]));
  });
});
