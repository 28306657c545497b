import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { documents } from "./docs.ts";

test("[DOC-1] the documents that are made from the program are up to date", () => {
  for (const [path, text] of Object.entries(documents()))
    assert.equal(readFileSync(path, "utf8"), text, `${path}: run \`npm run docs\``);
});
