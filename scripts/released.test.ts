import assert from "node:assert/strict";
import { test } from "node:test";
import { incompatibilities, type Schemas, schemasNow, schemasReleased } from "./released.ts";

test("[PRO-6] what an old client sends is still taken, and what it reads is still there; a change that breaks it is found", () => {
  const released = schemasReleased();
  assert.ok(Object.keys(released).length > 100, "the release holds all commands and frames");
  assert.deepEqual(incompatibilities(released, schemasNow()), []);

  const plant = (name: string, change: (schema: never) => void): string[] => {
    const changed: Schemas = structuredClone(released);
    change(changed[name]?.schema as never);
    return incompatibilities(released, changed);
  };
  type Object = { properties: Record<string, Record<string, unknown>>; required: string[] };
  const alter = (name: string, change: object) => (schema: Object) => {
    schema.properties[name] = { ...schema.properties[name], ...change };
  };
  const planted: Record<string, string[]> = {
    "a field is asked for": plant("interrupt.data", ({ required, properties }: Object) => {
      properties.why = { type: "string" };
      required.push("why");
    }),
    "a field is gone": plant("interrupt.ack", ({ properties }: Object) => delete properties.interrupted),
    "a field may be missing": plant("sendMessage.ack", ({ required }: Object) => required.pop()),
    "a value is gone": plant(
      "setPermissionMode.data",
      alter("permissionMode", { enum: ["default", "acceptEdits", "plan", "dontAsk", "auto"] }),
    ),
    "a limit is lower": plant("updateSession.data", alter("title", { maxLength: 3 })),
    "a type is another": plant("acknowledge.data", alter("seq", { type: "string" })),
  };
  for (const [what, found] of Object.entries(planted)) assert.equal(found.length, 1, `${what}: ${found.join("; ")}`);
  const { "ping.data": _gone, ...rest } = released;
  assert.deepEqual(incompatibilities(released, rest), ["ping.data is gone"]);
  const added = structuredClone(released);
  Object.assign(added["sendMessage.data"]?.schema.properties ?? {}, { mood: { type: "string" } });
  assert.deepEqual(incompatibilities(released, added), []);
});
