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
import { layCable } from "./kit/cable.ts";
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

const tsc = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
const tscOptions = "--ignoreConfig --strict --skipLibCheck --module nodenext --target es2024 --types node".split(" ");

/** Checks a file's types, as a client author would. */
function compile(folder: string, file: string, options: string[] = ["--noEmit", "--allowImportingTsExtensions"]) {
  return spawnSync(process.execPath, [tsc, ...tscOptions, ...options, file], { cwd: folder, encoding: "utf8" });
}

/** What the guide's client offers. */
interface Guide {
  connect(): Promise<void>;
  close(): void;
  request(type: string, data: object): Promise<Record<string, unknown>>;
  subscribe(
    sessionId: string,
    handler: (frame: { type: string; seq?: number; data: { text?: string; permissionId?: string } }) => void,
  ): Promise<void>;
}

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

  test("[DOC-4] the client of the guide compiles, has no more than 60 lines, and works with the real CLI, through a lost connection, too", async () => {
    const page = await readFile(new URL("../docs/guide/write-your-own-client.md", import.meta.url), "utf8");
    const code = /```ts client\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
    const lines = code.split("\n").filter((line) => line.trim() !== "");
    assert.ok(lines.length > 30 && lines.length <= 60, `${lines.length} lines`);
    const folder = await mkdtemp(fileURLToPath(new URL("./generated-", import.meta.url)));
    await using cable = await layCable(world.server.url);
    try {
      await writeFile(join(folder, "client.ts"), code);
      const compiled = compile(folder, "client.ts");
      assert.equal(compiled.status, 0, compiled.stdout + compiled.stderr);
      // Its constructor's short form is more than types: compiled, it is plain JavaScript.
      compile(folder, "client.ts", []);
      const { Client } = (await import(join(folder, "client.js"))) as {
        Client: new (url: string, token: string) => Guide;
      };
      const client = new Client(cable.url, token);
      await client.connect();
      const { session } = await client.request("createSession", {
        workingDirectory: world.place.project,
        reuse: false,
      });
      const { sessionId } = session as { sessionId: string };
      const seen: { type: string; seq?: number; data: { text?: string; permissionId?: string } }[] = [];
      const completed = Promise.withResolvers<string | undefined>();
      await client.subscribe(sessionId, (frame) => {
        seen.push(frame);
        if (frame.type === "permissionRequest") {
          const { permissionId } = frame.data;
          void client.request("respondPermission", { sessionId, permissionId, decision: "allow" });
        }
        if (frame.type === "turnCompleted") completed.resolve(frame.data.text);
        if (frame.type === "toolResult") cable.cut();
      });
      const write = { name: "Write", input: { file_path: "guide.txt", content: "x" } };
      const content = prompt({ tools: [write] }, { say: "from the guide" });
      await client.request("sendMessage", { sessionId, messageId: crypto.randomUUID(), content });
      assert.equal(await completed.promise, "from the guide");
      const seqs = seen.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
      assert.deepEqual(
        seqs,
        seqs.map((_, i) => i + 1),
      );
      client.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("[DOC-3] a client that a public generator makes from the OpenAPI document compiles, and makes a session, sends and reads with the real CLI", async () => {
    const types = astToString(await openapiTypescript(new URL(`${world.server.url}/openapi.json`)));
    // Beside the other tests, where the generator's run-time library is found.
    const folder = await mkdtemp(fileURLToPath(new URL("./generated-", import.meta.url)));
    try {
      await writeFile(join(folder, "api.ts"), types);
      await writeFile(join(folder, "client.ts"), await readFile(new URL("./generated-client.txt", import.meta.url)));
      const compiled = compile(folder, "client.ts");
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
