import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import files from "@fastify/static";
import type { HttpServer } from "./server.ts";

/** Nothing but our own files runs, nothing is loaded from elsewhere, nobody frames us. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types worker";
/** Where the app was built: within the published package, or beside it in a checkout. */
const root =
  ["../../web", "../../../../web/dist"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(join(path, "index.html"))) ?? "";
/** Addresses of screens: the app itself shows the right one. */
const screens = ["/", "/session/*", "/new", "/terminals", "/dashboard", "/devices", "/settings"];

/** The web app. */
export async function addWeb(app: HttpServer): Promise<void> {
  if (root === "") {
    app.get("/", { schema: { hide: true } }, async (_request, reply) =>
      reply.type("text/plain; charset=utf-8").send("The web app has not been built. Run `npm run setup`." as never),
    );
    return;
  }
  await app.register(files, {
    root,
    index: false,
    wildcard: false,
    cacheControl: false,
    setHeaders(reply, path) {
      // Names of assets hold a hash of what is in them.
      const isKept = path.startsWith(join(root, "assets"));
      reply.header("cache-control", isKept ? "public, max-age=31536000, immutable" : "no-cache");
      reply.header("content-security-policy", policy);
      reply.header("referrer-policy", "no-referrer");
    },
  });
  for (const screen of screens)
    app.get(screen, { schema: { hide: true } }, (_request, reply) => reply.sendFile("index.html"));
}
