import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import type { Certificate } from "../../certificates/index.ts";
import { uuidOf } from "../../uuid-of.ts";
import { isPrivateRequest } from "../secure.ts";

const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/**
 * With a certificate, what comes over the network in the clear is told where to go: to the page that shows how to trust a
 * private authority, else to the same address with https.
 */
export function refuseClear(app: FastifyInstance, { authority }: Pick<Certificate, "authority">): void {
  app.addHook("onRequest", async (request, reply) => {
    if (isPrivateRequest(request.raw) || (authority !== undefined && request.url.startsWith("/trust"))) return;
    const isPage = request.method === "GET" && !request.url.startsWith("/api/");
    const target = `https://${request.headers.host}${isPage && authority === undefined ? request.url : "/"}`;
    // What was sent in the clear was sent: here at least nothing is answered, so that nobody gets used to it.
    if (!isPage) return reply.code(426).header("upgrade", "TLS/1.2").type("text/plain").send(`Use ${target}`);
    return reply.redirect(authority === undefined ? target : "/trust", 307);
  });
}

/** What makes a device trust a private authority. */
export function addTrust(app: FastifyInstance, authority: string): void {
  app.get("/trust", { schema: { hide: true } }, async (request, reply) =>
    reply
      .type("text/html; charset=utf-8")
      .header("content-security-policy", policy)
      .send(page({ address: `https://${request.headers.host}/`, authority })),
  );
  app.get("/trust/companion.mobileconfig", { schema: { hide: true } }, async (_request, reply) =>
    reply.type("application/x-apple-aspen-config").send(profile(authority)),
  );
  app.get("/trust/companion.crt", { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type("application/x-x509-ca-cert")
      .header("content-disposition", 'attachment; filename="companion.crt"')
      .send(new X509Certificate(authority).raw),
  );
}

/** What a person compares with what the terminal shows: somebody on the way could have changed the file. */
export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

function page({ address, authority }: { address: string; authority: string }): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trust this server</title>
<style>:root{color-scheme:light dark}body{font:17px/1.5 system-ui,sans-serif;max-width:36rem;margin:0 auto;padding:1.5rem}
a.button{display:inline-block;padding:.6rem 1rem;border:1px solid;border-radius:8px;text-decoration:none}code{word-break:break-all}li{margin:.5rem 0}</style>
<h1>Trust this server, once</h1>
<p>${escaped(hostname())} has a certificate authority of its own. A device that trusts it can install the app, be notified, and speak.
It can vouch for private addresses only, for no website.</p>
<h2>iPhone, iPad</h2><ol>
<li><a class="button" href="/trust/companion.mobileconfig">Load the profile</a>, in Safari</li>
<li>Settings → Profile Downloaded → Install</li>
<li>Settings → General → About → Certificate Trust Settings → switch on <b>Claude Companion</b></li></ol>
<h2>Android</h2><ol>
<li><a class="button" href="/trust/companion.crt">Load the certificate</a></li>
<li>Settings → Security → More → Encryption &amp; credentials → Install a certificate → CA certificate → companion.crt</li></ol>
<h2>Computers</h2><ol>
<li><a class="button" href="/trust/companion.crt">Load the certificate</a></li>
<li>macOS: open it, add it to the keychain, and set it to Always Trust. Windows: open it, install it into Trusted Root Certification Authorities.
Chromium on Linux: Settings → Privacy and security → Security → Manage certificates → Authorities</li></ol>
<p>Before you do, compare its fingerprint with the one that the terminal shows:<br><code>${fingerprintOf(authority)}</code></p>
<p>Then: <a class="button" href="${escaped(address)}">Open Claude Companion</a></p></html>`;
}

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** As iOS installs it: https://developer.apple.com/documentation/devicemanagement/certificateroot */
function profile(authority: string): string {
  const certificate = new X509Certificate(authority);
  const name = certificate.subject.replace("CN=", "");
  const payload = (entries: Record<string, string>) =>
    Object.entries({ PayloadVersion: "<integer>1</integer>", ...entries })
      .map(([key, value]) => `<key>${key}</key>${value}`)
      .join("");
  const text = (value: string) => `<string>${escaped(value)}</string>`;
  const root = payload({
    PayloadType: text("com.apple.security.root"),
    PayloadIdentifier: text("companion.authority"),
    PayloadUUID: text(uuidOf(`authority/${certificate.fingerprint256}`)),
    PayloadDisplayName: text(name),
    PayloadCertificateFileName: text("companion.crt"),
    PayloadContent: `<data>${certificate.raw.toString("base64")}</data>`,
  });
  const all = payload({
    PayloadType: text("Configuration"),
    PayloadIdentifier: text("companion"),
    PayloadUUID: text(uuidOf(`profile/${certificate.fingerprint256}`)),
    PayloadDisplayName: text(`${name} (${hostname()})`),
    PayloadDescription: text("Lets this device trust the Claude Companion server of that machine."),
    PayloadContent: `<array><dict>${root}</dict></array>`,
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>${all}</dict></plist>`;
}
