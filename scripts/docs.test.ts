import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { commandsPage } from "./docs.ts";

test("[DOC-1] the documents that are made from the program are up to date", () => {
  assert.equal(readFileSync("docs/reference/commands.md", "utf8"), commandsPage(), "run `npm run docs`");
});
