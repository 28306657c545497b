import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { CompanionError } from "@claude-companion/protocol";
import { describeConfig, flagOf, readConfig, settings } from "./config.ts";

const read = (
  environment: Record<string, string>,
  flags: Record<string, string> = {},
  file: Record<string, string> = {},
) => readConfig({ environment, flags, file });
const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CompanionError && error.code === "INVALID_REQUEST", String(error));
  assert.match(error.message, pattern);
  return true;
};

describe("config", () => {
  test("[CFG-1] flags come before the environment, before .env, before what is standard", () => {
    const config = read(
      { PORT: "2", LOG_LEVEL: "warn" },
      { port: "1" },
      { PORT: "3", LOG_LEVEL: "error", SESSIONS_MAX: "7" },
    );
    assert.deepEqual([config.PORT, config.LOG_LEVEL, config.SESSIONS_MAX, config.HOST], [1, "warn", 7, "127.0.0.1"]);
    assert.ok(Object.isFrozen(config));
    assert.equal(read({ PORT: "" }).PORT, 3001);
  });

  test("[CFG-2] an invalid value names the setting, what it got and what it wants", () => {
    for (const [name, value] of [
      ["PORT", "http"],
      ["PORT", "70000"],
      ["LOG_LEVEL", "loud"],
      ["HIBERNATE_AFTER_MINUTES", "0"],
      ["SESSIONS_MAX", "1.5"],
    ] as const) {
      assert.throws(
        () => read({ [name]: value }),
        refused(new RegExp(`^${name} must be .+, but is "${value}"\\. .*--`)),
      );
    }
  });

  test("[CFG-3] a secret is never shown, not even when it is wrong", () => {
    assert.throws(
      () => read({ AUTH_TOKEN: "hunter2" }),
      (error) => error instanceof Error && !error.message.includes("hunter2") && error.message.includes("7 characters"),
    );
    const text = describeConfig(read({ AUTH_TOKEN: "a-very-secret-token-of-mine" }));
    assert.ok(!text.includes("a-very-secret"));
    assert.match(text, /^AUTH_TOKEN +\(set, hidden\)$/m);
    assert.match(text, /^PORT +3001$/m);
  });

  test("[CFG-4] without a token only loopback is listened on", () => {
    for (const HOST of ["0.0.0.0", "::", "192.168.1.5", "example.org"])
      assert.throws(() => read({ HOST }), refused(/AUTH_TOKEN is not set/));
    for (const HOST of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) assert.equal(read({ HOST }).HOST, HOST);
    assert.equal(read({ HOST: "0.0.0.0", AUTH_TOKEN: "0123456789abcdef" }).HOST, "0.0.0.0");
  });

  test("[CFG-5] the documentation's table of settings is the program's", () => {
    const text = readFileSync(new URL("../../../docs/reference/configuration.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| `(\w+)` \| `--([\w-]+)` \| (?:`(.*?)`)? ?\| (.+?) \| (.+) \|$/gm)].map(
      (match) => match.slice(1).map((cell) => cell ?? ""),
    );
    const wanted = (Object.keys(settings) as (keyof typeof settings)[]).map((name) => [
      name,
      flagOf(name),
      settings[name].standard ?? "",
      settings[name].wants,
      settings[name].meaning,
    ]);
    assert.deepEqual(rows, wanted);
  });
});
