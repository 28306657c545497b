import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { prompt } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { startWorld } from "./kit/world.ts";

describe("permissions, the real Claude CLI", () => {
  let model: Model;
  before(async () => {
    model = await startModel();
  });
  after(() => model[Symbol.asyncDispose]());

  const bash = (command: string) => ({ name: "Bash", input: { command, description: "x" } });

  test("[E2E-17] several prompts wait at once and are answered in any order; edited input is what runs; a rule is listed, holds, and is taken back; all of it stands in the audit log", async () => {
    await using world = await startWorld(model);
    const { place } = world;
    const { device, sessionId, view } = await world.session();
    // Two sub-agents ask at the same time.
    const agent = (name: string) => ({
      name: "Agent",
      input: {
        description: name,
        subagent_type: "general-purpose",
        prompt: prompt({ tools: [bash(`touch ${name}.txt`)] }, { say: `${name} is done` }),
      },
    });
    void device.send(sessionId, prompt({ tools: [agent("one"), agent("two")] }, { say: "Both are done." }));
    const asked = await Promise.all(
      ["one", "two"].map((name) =>
        view.until("permissionRequest", ({ data }) => data.input.command === `touch ${name}.txt`),
      ),
    );
    const { body } = await world.api("GET", `/api/sessions/${sessionId}/permissions`);
    assert.equal((body as { permissions: unknown[] }).permissions.length, 2);
    const [one, two] = asked.map(({ data }) => data.permissionId);
    await device.respond(sessionId, two ?? "", { decision: "deny", message: "Not two." });
    await device.respond(sessionId, one ?? "", { decision: "allow", updatedInput: { command: "touch edited.txt" } });
    for (const { data: request } of asked)
      await view.until("toolResult", ({ data }) => data.toolUseId === request.toolUseId);
    assert.equal(await readFile(join(place.project, "edited.txt"), "utf8"), "");
    for (const name of ["one.txt", "two.txt"]) await assert.rejects(readFile(join(place.project, name)));

    const second = await world.session();
    const run = async (command: string) => {
      const { view } = second;
      const from = view.frames.length;
      void device.send(second.sessionId, prompt({ tools: [bash(command)] }, { say: "ok" }));
      const asking = view.until("permissionRequest", () => true, from).then(({ data }) => data);
      asking.catch(() => {});
      return Promise.race([asking, view.idle(from).then(() => undefined)]);
    };
    const request = await run("touch ruled");
    assert.ok(request);
    const index = request.suggestions.findIndex(({ scope, kind }) => kind === "rule" && scope === "local");
    const from = second.view.frames.length;
    const { outcome } = await device.respond(second.sessionId, request.permissionId, {
      decision: "allowAlways",
      suggestions: [index],
    });
    assert.match(outcome.granted?.[0] ?? "", /commands that start with `touch ruled`, for you in this project/);
    await second.view.idle(from);
    assert.equal(await run("touch ruled"), undefined);
    const { rules } = await device.request("listRules", {});
    assert.equal(rules.length, 1);
    assert.equal(rules[0]?.workingDirectory, place.project);
    await device.request("revokeRule", { ruleId: rules[0]?.ruleId ?? "" });
    const settings = await readFile(join(place.project, ".claude/settings.local.json"), "utf8");
    assert.deepEqual(JSON.parse(settings).permissions.allow, []);
    assert.deepEqual((await device.request("listRules", {})).rules, []);

    const first = await device.request("listAudit", { limit: 2 });
    const rest = await device.request("listAudit", { before: first.next });
    const entries = [...first.entries, ...rest.entries];
    assert.deepEqual(
      new Set(entries.map(({ action, decision }) => decision ?? action)),
      new Set(["allow", "deny", "allowAlways", "ruleGiven", "ruleRevoked"]),
    );
    assert.deepEqual(entries.find(({ decision }) => decision === "allow")?.input, { command: "touch edited.txt" });
    const { entries: ofSecond } = await device.request("listAudit", { sessionId: second.sessionId });
    assert.equal(ofSecond.length, 3);
    assert.equal(ofSecond[0]?.action, "ruleRevoked");
    const overRest = await world.api("GET", `/api/audit?limit=2`);
    assert.deepEqual((overRest.body as typeof first).entries, first.entries);
  });

  test("[E2E-18] never asking is refused unless it is configured; after a restart it must be confirmed again", async () => {
    // The CLI refuses it to root, but in a sandbox.
    await using world = await startWorld(model, { ALLOW_BYPASS_PERMISSIONS: "true", IS_SANDBOX: "1" });
    const { device, sessionId, view } = await world.session({ permissionMode: "bypassPermissions" });
    await device.send(sessionId, prompt({ tools: [bash("touch unasked.txt")] }, { say: "ok" }));
    await view.until("turnCompleted");
    assert.equal(await readFile(join(world.place.project, "unasked.txt"), "utf8"), "");
    await world.server.stop();
    const next = await world.startAgain();
    const phone = await next.device("phone");
    await phone.send(sessionId, prompt({ tools: [bash("touch asked.txt")] }, { say: "ok" }));
    const request = await view.until("permissionRequest");
    assert.equal(request.data.input.command, "touch asked.txt");
    await phone.request("setPermissionMode", { sessionId, permissionMode: "bypassPermissions" });
    await phone.respond(sessionId, request.data.permissionId, { decision: "deny" });
    const from = view.frames.length;
    await phone.send(sessionId, prompt({ tools: [bash("touch again.txt")] }, { say: "ok" }));
    await view.until("turnCompleted", () => true, from);
    await view.until("turnCompleted", ({ data }) => data.result === "success", from);
    await next.stop();
    await using strict = await startWorld(model);
    await assert.rejects(strict.session({ permissionMode: "bypassPermissions" }), { code: "INVALID_REQUEST" });
  });
});
