import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startCollector } from "./kit/collector.ts";
import { prompt } from "./kit/directive.ts";
import { exitOf } from "./kit/lines.ts";
import { freePort } from "./kit/listen.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startApple } from "./kit/push/apple.ts";
import { prepareApple } from "./kit/push/settings.ts";
import { token } from "./kit/server.ts";
import { startWorld, type World } from "./kit/world.ts";

const deploy = (name: string) => fileURLToPath(new URL(`../deploy/${name}`, import.meta.url));
const skip = spawnSync("prometheus", ["--version"]).status === 0 ? false : "no Prometheus on this machine";

/** A turn with a permission that is allowed, and one that fails. */
async function work(world: World): Promise<string> {
  const { device, sessionId, view } = await world.session();
  const command = { name: "Bash", input: { command: "touch it" } };
  await device.send(sessionId, prompt({ tools: [command] }, { say: "done" }));
  const { data } = await view.until("permissionRequest");
  await device.request("respondPermission", { sessionId, permissionId: data.permissionId, decision: "allow" });
  await view.until("turnCompleted");
  await device.request("interrupt", { sessionId: randomUUID() }).catch(() => {});
  return sessionId;
}

describe("telemetry, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  test("[E2E-34] Prometheus scrapes the server; the metrics, the alert rules and the dashboard are what its tools and the server know", {
    skip,
  }, async () => {
    await using world = await startWorld(model);
    const sessionId = await work(world);
    type Usage = { sessionId: string; pid: number; memoryBytes: number; cpu: number };
    const usage = async () => {
      const { agents }: { agents: Usage[] } = (await world.api("GET", "/api/telemetry/agents")).body;
      return agents.find((agent) => agent.sessionId === sessionId);
    };
    // They are looked at every ten seconds.
    for (let tries = 0; (await usage()) === undefined; tries++) {
      assert.ok(tries < 150, "what the agent takes is not told");
      await setTimeout(100);
    }
    const taken = (await usage()) ?? assert.fail();
    assert.ok(taken.memoryBytes > 10 ** 7 && taken.pid > 0 && taken.cpu >= 0);
    const { body: metrics } = await world.api("GET", "/metrics");
    const linted = spawnSync("promtool", ["check", "metrics"], { input: String(metrics), encoding: "utf8" });
    assert.deepEqual([linted.stdout + linted.stderr, linted.status], ["", 0]);
    const rules = spawnSync("promtool", ["check", "rules", deploy("alerts.yml")], { encoding: "utf8" });
    assert.equal(rules.status, 0, rules.stderr);

    // Each metric that alerts and dashboard speak of exists, or will with the first of its kind.
    const instruments = await readFile(fileURLToPath(new URL("../docs/reference/metrics.md", import.meta.url)), "utf8");
    const spokenOf = `${await readFile(deploy("alerts.yml"), "utf8")}${await readFile(deploy("grafana-dashboard.json"), "utf8")}`;
    const names = new Set(spokenOf.match(/\b(companion|process|nodejs|http_server)_[a-z0-9_]+/g));
    assert.ok(names.size > 20);
    for (const name of names) assert.ok(instruments.includes(`\`${name.replace(/_bucket$/, "")}\``), name);
    const told = String(metrics).matchAll(/^# TYPE (\S+)/gm);
    for (const [, name] of told)
      assert.ok(name === "target_info" || instruments.includes(`\`${name}\``), `${name} is documented`);

    const port = await freePort();
    const { directory } = world.place;
    await writeFile(join(directory, "companion-token"), token);
    const config = (await readFile(deploy("prometheus.yml"), "utf8"))
      .replace("127.0.0.1:3001", new URL(world.server.url).host)
      .replace("scrape_interval: 15s", "scrape_interval: 1s")
      .replace("[alerts.yml]", `[${deploy("alerts.yml")}]`);
    await writeFile(join(directory, "prometheus.yml"), config);
    const prometheus = spawn(
      "prometheus",
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "tsdb")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    try {
      const query = async (expression: string): Promise<number | undefined> => {
        const response = await fetch(
          `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`,
        ).catch(() => undefined);
        const answer = (await response?.json()) as { data?: { result: { value: [number, string] }[] } } | undefined;
        const value = answer?.data?.result[0]?.value[1];
        return value === undefined ? undefined : Number(value);
      };
      const until = async (expression: string, wanted: number) => {
        for (let tries = 0; (await query(expression)) !== wanted; tries++) {
          assert.ok(tries < 200, `${expression} never was ${wanted}`);
          await setTimeout(100);
        }
      };
      await until('up{job="claude-companion"}', 1);
      await until('companion_turns_total{result="success"}', 1);
      await until('companion_permissions_resolved_total{decision="allow"}', 1);
      await until('companion_sessions{status="idle"}', 1);
    } finally {
      prometheus.kill();
      await exitOf(prometheus);
    }
  });

  test("[E2E-35] a collector gets metrics and traces: a command, its turn and the permission in it are one trace", async () => {
    await using collector = await startCollector();
    await using world = await startWorld(model, { OTLP_URL: collector.url });
    await work(world);
    // What is left is exported in the end.
    await world.server.stop();
    const named = (name: string) => collector.spans.filter((span) => span.name === name);
    const [command, turn, permission] = [named("sendMessage")[0], named("turn")[0], named("permission")[0]];
    assert.ok(command && turn && permission);
    assert.deepEqual([turn.traceId, permission.traceId], [command.traceId, command.traceId]);
    assert.equal(permission.parentSpanId, turn.spanId);
    for (const name of ["companion.turns", "companion.command.duration", "process.memory.usage", "companion.sessions"])
      assert.ok(collector.metrics.has(name), name);
  });

  test("[E2E-36] nothing secret stands in the log of a whole run, however talkative it is", async () => {
    await using apple = await startApple();
    const settings: Record<string, string> = { LOG_LEVEL: "trace", ANTHROPIC_API_KEY: "sk-planted-key-of-the-model" };
    await using world = await startWorld(model, settings, prepareApple(apple, settings));
    let log = "";
    world.server.process.stderr?.setEncoding("utf8").on("data", (chunk: string) => (log += chunk));
    const pushToken = "ab12".repeat(16);
    const { device, sessionId, view } = await world.session();
    // The phone does not look: a device that has just done something is told a minute later.
    const phone = await world.server.device("phone");
    await phone.request("registerDevice", { platform: "apns", pushToken, preferences: { previews: true } });
    const { secret } = await device.request("registerDevice", { platform: "webhook", url: "http://127.0.0.1:9/hook" });
    const { token: phoneToken }: { token: string } = (await world.api("POST", "/api/tokens", { name: "phone" })).body;
    await world.api("GET", "/api/sessions?token=planted-token-in-a-url");
    await device.send(
      sessionId,
      prompt(
        { say: "planted-words-of-the-agent", tools: [{ name: "Bash", input: { command: "touch planted-command" } }] },
        { say: "ok" },
      ),
    );
    const { data } = await view.until("permissionRequest");
    const alert = await apple.next(({ pushType }) => pushType === "alert");
    await device.request("respondPermission", {
      sessionId,
      permissionId: data.permissionId,
      decision: "deny",
      message: "planted-reason",
    });
    await view.until("turnCompleted");
    await fetch(`${world.server.url}/api/push-notifications/actions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ actionToken: alert.payload.companion.actionToken, action: "allow" }),
    });
    await world.server.stop();
    assert.ok(log.split("\n").length > 20, "it did log");
    const planted = [
      token,
      phoneToken,
      pushToken,
      String(secret),
      String(alert.payload.companion.actionToken),
      apple.key.split("\n")[1] ?? "no key",
      String(settings.ANTHROPIC_API_KEY),
      "planted-",
      `${world.place.environment.HOME}/`,
    ];
    for (const text of planted) assert.ok(text.length > 5 && !log.includes(text), text);
  });
});
