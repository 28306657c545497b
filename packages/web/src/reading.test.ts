import assert from "node:assert/strict";
import { test } from "node:test";
import { attachmentsOf, imagesOf, textOf } from "./blocks.ts";
import { filesOfDiff } from "./diff-lines.ts";
import { languageOf } from "./language.ts";
import { blocksOfMarkdown } from "./markdown-blocks.ts";
import { screenOf } from "./router.ts";
import { rowsOf } from "./rows.ts";
import { wordAt } from "./word-at.ts";

test("[WEB-21] addresses of screens, words to complete, files of a diff and blocks of Markdown are read as they are meant", () => {
  assert.deepEqual(screenOf("/"), { name: "inbox" });
  assert.deepEqual(screenOf("/nowhere"), { name: "inbox" });
  assert.deepEqual(screenOf("/session/a#m%2F1"), { name: "session", sessionId: "a", message: "m/1" });
  assert.deepEqual(screenOf("/session/a#%"), { name: "session", sessionId: "a", message: "%" });
  assert.deepEqual(screenOf("/session/a/files/src/a%20b.ts"), { name: "files", sessionId: "a", path: "src/a b.ts" });

  assert.deepEqual(wordAt("/comp", 5), { sign: "/", word: "comp", begin: 0 });
  assert.equal(wordAt("say /comp", 9), undefined);
  assert.deepEqual(wordAt("see @src/lo and", 11), { sign: "@", word: "src/lo", begin: 4 });
  assert.equal(wordAt("ada@example", 11), undefined);

  const diff = `diff --git a/old.ts b/new.ts
similarity index 90%
rename from old.ts
rename to new.ts
index 1..2 100644
--- a/old.ts
+++ b/new.ts
@@ -1,2 +1,2 @@ function x() {
-one
+two
 same
diff --git a/b.bin b/b.bin
index 1..2 100644
Binary files a/b.bin and b/b.bin differ
`;
  assert.deepEqual(filesOfDiff(diff), [
    {
      path: "new.ts",
      lines: [
        { sign: "@", text: "-1,2 +1,2" },
        { sign: "-", text: "one" },
        { sign: "+", text: "two" },
        { sign: " ", text: "same" },
      ],
    },
    { path: "b.bin", lines: [{ sign: "@", text: "Binary files a/b.bin and b/b.bin differ" }] },
  ]);
  assert.deepEqual(
    filesOfDiff("--- /p/a.ts\tbefore\n+++ /p/a.ts\tafter\n@@ -1,1 +1,1 @@\n--- x\n+-- y\n").map(({ path, lines }) => [
      path,
      lines.length,
    ]),
    [["/p/a.ts", 3]],
    "a line that was taken out may look like a head",
  );

  assert.deepEqual(blocksOfMarkdown("one\n\ntwo\n\n- a\n\n  more of a\n- b\n\n```ts\na\n\n\nb\n```\nend"), [
    "one\n",
    "two\n",
    "- a\n\n  more of a\n- b\n",
    "```ts\na\n\n\nb\n```\nend",
  ]);
  assert.equal(blocksOfMarkdown("a\n\n````\n```\n\nx\n````\n\nb").join("\n"), "a\n\n````\n```\n\nx\n````\n\nb");

  const content = [
    { type: "text", text: "look" },
    { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
    { type: "image", source: { type: "base64", media_type: "image/svg+xml", data: "AAAA" } },
    { type: "upload", uploadId: "u", name: "a.pdf", mediaType: "application/pdf" },
  ];
  assert.equal(textOf(content), "look");
  assert.deepEqual(imagesOf(content), ["data:image/png;base64,AAAA"]);
  assert.deepEqual(
    attachmentsOf(content).map(({ name, isImage }) => [name, isImage]),
    [
      ["picture", true],
      ["a.pdf", false],
    ],
  );
  assert.deepEqual(["src/a.tsx", "Makefile", "sh", "a.unknown"].map(languageOf), ["tsx", "make", "bash", undefined]);

  const text = (key: string, parent?: string) => ({ kind: "text" as const, key, text: key, live: false, parent });
  const tool = {
    kind: "tool" as const,
    key: "t",
    name: "Agent",
    input: {},
    result: undefined,
    live: true,
    parent: undefined,
  };
  assert.deepEqual(
    rowsOf([text("a"), tool, text("b", "t"), text("c", "gone")]).map(({ item, inside }) => [item.key, inside.length]),
    [
      ["a", 0],
      ["t", 1],
      ["c", 0],
    ],
  );
});
