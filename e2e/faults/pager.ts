import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Notification } from "@claude-companion/protocol";
import { listen } from "../kit/listen.ts";
import { token } from "../kit/server.ts";
import type { Frame } from "./device.ts";
import type { Findings } from "./findings.ts";
import type { Random } from "./random.ts";

/** Somebody who is away, told by a webhook that is slow, refuses and hangs up at random. */
export interface Pager extends AsyncDisposable {
  /** Registers with a server. */
  register(url: string): Promise<void>;
  /** From now on it takes everything. */
  settle(): void;
  /**
   * Compares what the log holds with what was told: each prompt and each finished turn once, and all that is said to
   * have been sent has come.
   */
  judge(url: string, logs: ReadonlyMap<string, readonly Frame[]>, patienceMs: number): Promise<void>;
}

const api = (url: string, path: string, init: RequestInit = {}) =>
  fetch(`${url}/api/push-notifications/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });

export async function startPager(options: { random: Random; findings: Findings }): Promise<Pager> {
  const { random, findings } = options;
  const received = new Map<string, number>();
  let isSettled = false;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (!isSettled) await sleep(random.between(0, 200));
    if (!isSettled && random.chance(0.1)) return response.writeHead(503).end();
    if (!isSettled && random.chance(0.05)) return response.destroy();
    const { notificationId }: { notificationId: string } = JSON.parse(body);
    received.set(notificationId, (received.get(notificationId) ?? 0) + 1);
    response.end();
  });
  const port = await listen(server);

  async function told(url: string): Promise<Notification[]> {
    const all: Notification[] = [];
    for (let before = ""; ; ) {
      const page: { notifications: Notification[]; next?: string } = await (
        await api(url, `log?limit=500${before && `&before=${before}`}`)
      ).json();
      all.push(...page.notifications);
      if (page.next === undefined) return all;
      before = page.next;
    }
  }
  return {
    async register(url) {
      const target = { platform: "webhook", url: `http://127.0.0.1:${port}/`, preferences: { perHourMax: 10_000 } };
      const response = await api(url, "targets", { method: "POST", body: JSON.stringify(target) });
      if (!response.ok) throw new Error(`the pager: ${response.status} ${await response.text()}`);
    },
    settle() {
      isSettled = true;
    },
    async judge(url, logs, patienceMs) {
      const deadline = performance.now() + patienceMs;
      let notifications = await told(url);
      while (notifications.some(({ state }) => state === "waiting" || state === "sending")) {
        if (performance.now() > deadline) break;
        await sleep(200);
        notifications = await told(url);
      }
      for (const { notificationId, state } of notifications) {
        if (state === "waiting" || state === "sending")
          findings.add("stuck", `notification ${notificationId} is ${state}`);
        if (state === "sent" && !received.has(notificationId))
          findings.add("lost", `notification ${notificationId} is told as sent and never came`);
      }
      for (const [sessionId, log] of logs) {
        const own = notifications.filter((notification) => notification.sessionId === sessionId);
        const finished = log.filter(({ type, data }) => type === "turnCompleted" && data.result === "success").length;
        const toldOf = own.filter(({ reason }) => reason === "turnFinished").length;
        if (toldOf !== finished)
          findings.add(
            toldOf < finished ? "lost" : "twice",
            `${finished} turns of ${sessionId} were finished, ${toldOf} notifications made`,
          );
        for (const { type, data } of log) {
          if (type !== "permissionRequest") continue;
          const of = own.filter(
            ({ permissionId, reason }) => permissionId === data.permissionId && reason !== "resolved",
          ).length;
          if (of !== 1) findings.add(of === 0 ? "lost" : "twice", `${of} notifications of prompt ${data.permissionId}`);
        }
      }
      findings.count("notifications", notifications.length);
      findings.count("notifications sent", notifications.filter(({ state }) => state === "sent").length);
      findings.count("came again after a kill", [...received.values()].filter((times) => times > 1).length);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
