import assert from "node:assert/strict";
import { test } from "node:test";
import { findMismatches } from "./spec.ts";

/** Source text of tests with these titles; put together, so that this file itself holds none but its own. */
const testsOf = (...titles: string[]): string =>
  titles.map((title) => ["te", `st("${title}", run);`].join("")).join(" ");

test("[RUL-2] a rule without a test, a test of no rule and a test without a rule are found", () => {
  const spec = "- **[ABC-1]** one\n- **[ABC-2]** two\n";
  const fine = { "a.test.ts": testsOf("[ABC-1] one", "[ABC-2] two") };
  assert.deepEqual(findMismatches(spec, fine), []);
  assert.match(
    findMismatches(spec, { "a.test.ts": testsOf("[ABC-1] one") }).join(),
    /\[ABC-2\] stands in SPEC\.md and has no test/,
  );
  assert.match(
    findMismatches(spec, { ...fine, "b.test.ts": testsOf("[ABC-3] three") }).join(),
    /\[ABC-3\] is named by b\.test\.ts/,
  );
  assert.match(findMismatches(spec, { ...fine, "b.test.ts": testsOf("nothing") }).join(), /names no rule/);
  assert.match(findMismatches(`${spec}- **[ABC-1]** again\n`, fine).join(), /twice: ABC-1/);
  assert.match(findMismatches("", {}).join(), /has no rules/);
});
