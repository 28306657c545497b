import { createHash } from "node:crypto";
import type { HttpServer } from "./server.ts";

/** The token leaves the address at once, so that it stays in no history, and is used for this page alone. */
const script = `
const token = new URLSearchParams(location.search).get("token");
history.replaceState(null, "", "/");
const list = document.querySelector("ul");
const show = (text) => list.append(Object.assign(document.createElement("li"), { textContent: text }));
if (!token) show("Open the address that the server printed when it started to see the sessions here.");
else fetch("/api/sessions", { headers: { authorization: "Bearer " + token } })
  .then((answer) => answer.json())
  .then(({ sessions, detail }) => {
    if (detail) show(detail);
    else if (sessions.length === 0) show("No sessions yet.");
    else for (const s of sessions) show((s.title || "(no title)") + " \u2014 " + s.status + " \u2014 " + s.workingDirectory);
  });
`;
const style =
  "body{font:16px/1.5 system-ui;max-width:68ch;margin:10vh auto;padding:0 1rem;color-scheme:light dark}code{font-size:13.5px}a{color:inherit}";
const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>Claude Companion Server</title><style>${style}</style></head>
<body>
<h1>Claude Companion Server is running</h1>
<p>Talk to Claude from any terminal: <code>claude-companion chat &lt;directory&gt;</code></p>
<h2>Sessions</h2>
<ul></ul>
<p><a href="/docs">REST API</a> · <a href="/openapi.json">OpenAPI</a> · <a href="/health">Health</a></p>
<script>${script}</script>
</body>
</html>
`;
const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = `default-src 'none'; connect-src 'self'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; base-uri 'none'; frame-ancestors 'none'`;

/** What the printed address shows. */
export function addStartPage(app: HttpServer): void {
  app.get("/", { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type("text/html; charset=utf-8")
      .header("content-security-policy", policy)
      .header("cache-control", "no-store")
      .send(page),
  );
}
