import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Parser } from "@asyncapi/parser";
import { commands, ServerFrame } from "@claude-companion/protocol";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTypescript, { astToString } from "openapi-typescript";
import { prompt } from "./kit/directive.ts";
import { type Model, startModel } from "./kit/model.ts";
import { token } from "./kit/server.ts";
import { startWorld, type World } from "./kit/world.ts";

type OpenApi = {
  openapi: string;
  paths: Record<
    string,
    Record<string, { operationId: string; summary?: string; responses: Record<string, { description?: string }> }>
  >;
};

describe("the documents of the API", () => {
  let model: Model;
  let world: World;
  before(async () => {
    model = await startModel();
    world = await startWorld(model);
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  test("[DOC-2] OpenAPI and AsyncAPI documents are valid by their own tools, and leave no command, frame or example out", async () => {
    const openApi = (await world.api("GET", "/openapi.json")).body as OpenApi;
    const { valid, errors } = await new Validator().validate(structuredClone(openApi));
    assert.ok(valid, `${JSON.stringify(errors)}`.slice(0, 2_000));
    assert.match(openApi.openapi, /^3\.1\./);
    const operations = Object.entries(openApi.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    );
    for (const [type, command] of Object.entries(commands)) {
      if (command.connection) continue;
      const operation = operations.find(({ operationId }) => operationId === type);
      assert.ok(operation, `no operation ${type}`);
      assert.equal(
        `${operation.method.toUpperCase()} ${operation.path}`,
        `${command.rest.method} ${command.rest.path}`,
      );
      assert.ok(
        operation.summary && operation.responses["401"]?.description?.includes("AUTHENTICATION_REQUIRED"),
        type,
      );
    }

    const text = JSON.stringify((await world.api("GET", "/asyncapi.json")).body);
    const parsed = await new Parser().parse(text);
    const problems = parsed.diagnostics.filter(({ severity }) => severity === 0);
    assert.deepEqual(
      problems.map(({ message, path }) => `${path.join(".")}: ${message}`),
      [],
    );
    const names = new Set(
      parsed.document
        ?.allMessages()
        .all()
        .map((message) => message.name()),
    );
    for (const type of Object.keys(commands)) assert.ok(names.has(`${type}Command`), type);
    for (const { shape } of ServerFrame.options) assert.ok(names.has(shape.type.value), shape.type.value);
    // A fault is found.
    const broken = await new Parser().parse(text.replace('"action":"receive"', '"action":"perhaps"'));
    assert.ok(broken.diagnostics.some(({ severity }) => severity === 0));
  });

  test("[DOC-3] a client that a public generator makes from the OpenAPI document compiles, and makes a session, sends and reads with the real CLI", async () => {
    const types = astToString(await openapiTypescript(new URL(`${world.server.url}/openapi.json`)));
    // Beside the other tests, where the generator's run-time library is found.
    const folder = await mkdtemp(fileURLToPath(new URL("./generated-", import.meta.url)));
    try {
      await writeFile(join(folder, "api.ts"), types);
      await writeFile(join(folder, "client.ts"), await readFile(new URL("./generated-client.txt", import.meta.url)));
      const tsc = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
      const options =
        "--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --target es2024 --types node".split(" ");
      const compiled = spawnSync(process.execPath, [tsc, ...options, "--allowImportingTsExtensions", "client.ts"], {
        cwd: folder,
        encoding: "utf8",
      });
      assert.equal(compiled.status, 0, compiled.stdout + compiled.stderr);
      const run = spawnSync(process.execPath, ["client.ts"], {
        cwd: folder,
        encoding: "utf8",
        timeout: 60_000,
        env: {
          PATH: process.env.PATH,
          URL: world.server.url,
          TOKEN: token,
          DIRECTORY: world.place.project,
          MESSAGE: prompt({ say: "read by a generated client" }),
        },
      });
      assert.equal(run.stdout.trim(), "read by a generated client", run.stderr);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
