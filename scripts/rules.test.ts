import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const file = new URL("../.dependency-cruiser.mjs", import.meta.url);
const { default: config }: { default: { forbidden: { name: string }[] } } = await import(file.href);
const server = "packages/server/src";
/** For each rule files that break it; a room stands for "room-<name>". */
const plants: Record<string, Record<string, string>> = {
  "through-the-door": { [`${server}/delivery/a.ts`]: 'import "../log/event-log.ts";' },
  "through-the-door-from-outside": { [`${server}/companion.ts`]: 'import "./sessions/session.ts";' },
  "no-circles": { [`${server}/log/b.ts`]: 'import "./c.ts";', [`${server}/log/c.ts`]: 'import "./b.ts";' },
  "agent-host-stands-alone": {
    [`${server}/agents/host/a.ts`]: 'import "../queue.ts";',
    [`${server}/agents/queue.ts`]: "",
  },
  "client-knows-protocol-only": { "packages/client/src/a.ts": 'import "node:fs";' },
  "protocol-knows-zod-only": { "packages/protocol/src/a.ts": 'import "node:fs";' },
  "web-knows-client-only": { "packages/web/src/a.ts": 'import "node:fs";' },
  "e2e-from-outside": { "e2e/a.test.ts": `import "../${server}/log/event-log.ts";` },
  "only-tests-use-tests": { [`${server}/log/d.ts`]: 'import "./d.test.ts";', [`${server}/log/d.test.ts`]: "" },
  "owner-of-ws-fastify-fastify-fastify-type-provider-zod": { [`${server}/log/e.ts`]: 'import "ws";' },
  "owner-of-pino": { [`${server}/log/f.ts`]: 'import "pino";' },
  "owner-of-anthropic-ai-claude-agent-sdk": { [`${server}/log/g.ts`]: 'import "@anthropic-ai/claude-agent-sdk";' },
  "owner-of-diff": { [`${server}/log/k.ts`]: 'import "diff";' },
  "owner-of-croner": { [`${server}/log/j.ts`]: 'import "croner";' },
  "owner-of-file-type": { [`${server}/log/i.ts`]: 'import "file-type";' },
  "owner-of-peculiar-x": { [`${server}/log/o.ts`]: 'import "@peculiar/x509";' },
  "owner-of-bonjour-service": { [`${server}/log/p.ts`]: 'import "bonjour-service";' },
  "owner-of-qrcode": { [`${server}/log/n.ts`]: 'import "qrcode";' },
  "owner-of-opentelemetry": { [`${server}/log/l.ts`]: 'import "@opentelemetry/api";' },
  "owner-of-web-push-jose-cockatiel": { [`${server}/log/m.ts`]: 'import "jose";' },
  "owner-of-sqlite": { [`${server}/log/h.ts`]: 'import "node:sqlite";' },
};
/** Every room reaches for the command line, which stands behind all of them. */
const roomRules = config.forbidden.map(({ name }) => name).filter((name) => name.startsWith("room-"));
for (const name of roomRules) {
  const room = name.slice("room-".length);
  plants[name] = { [`${server}/${room}/planted.ts`]: 'import "../main.ts";', [`${server}/main.ts`]: "" };
}

test("[RUL-1] an offence against each import rule is reported", () => {
  assert.deepEqual(
    new Set(config.forbidden.map(({ name }) => name)),
    new Set(Object.keys(plants)),
    "a rule without a planted offence",
  );
  const folder = mkdtempSync(join(tmpdir(), "companion-rules-"));
  try {
    const files = { [`${server}/log/event-log.ts`]: "", [`${server}/sessions/session.ts`]: "", "bench/x.ts": "" };
    for (const [path, text] of Object.entries(
      Object.assign(files, ...Object.values(plants)) as Record<string, string>,
    )) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), `${text}\nexport {};\n`);
    }
    const command = realpathSync("node_modules/.bin/depcruise");
    const args = [
      command,
      "--config",
      resolve(".dependency-cruiser.mjs"),
      "--output-type",
      "json",
      "packages",
      "e2e",
      "bench",
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", maxBuffer: 1e8 });
    assert.ok(stdout.startsWith("{"), stderr);
    const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
    assert.deepEqual(new Set(summary.violations.map(({ rule }) => rule.name)), new Set(Object.keys(plants)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
