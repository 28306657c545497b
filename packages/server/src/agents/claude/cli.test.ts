import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions } from "./cli.ts";

test("[AGT-11] versions are compared as numbers", () => {
  assert.ok(compareVersions("2.1.9", "2.1.10") < 0);
  assert.ok(compareVersions("10.0.0", "9.9.9") > 0);
  assert.equal(compareVersions("2.1.0", "2.1"), 0);
});
