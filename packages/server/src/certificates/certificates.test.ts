import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import {
  X509Certificate as Parsed,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { systemClock } from "../clock.ts";
import { createTestClock, eventually } from "../sessions/sessions.fixture.ts";
import { certificateOfAuthority, certificateOfFiles, openAuthority } from "./index.ts";

const names = {
  names: ["localhost", "laptop.local", "laptop.example"],
  addresses: ["127.0.0.1", "::1", "192.168.1.7", "8.8.8.8"],
};
async function place() {
  const directory = await mkdtemp(join(tmpdir(), "companion-certificates-"));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
/** What a device that trusts the authority says of a server with this certificate. */
async function verdict(pair: { cert: string; key: string }, authority: string, servername: string): Promise<string> {
  const server = createServer(pair, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const said = await new Promise<string>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority, servername }, () => {
      resolve("trusted");
      socket.end();
    });
    socket.on("error", (error) => resolve(error.message));
  });
  server.close();
  return said;
}

test("[CRT-1] a private authority is made once, can be read by its user only, and vouches for private names and nothing else", async () => {
  await using at = await place();
  const authority = await openAuthority({ directory: at.directory, clock: systemClock });
  const made = await authority.issue(names);
  assert.equal(
    new X509Certificate(made.cert).subjectAltName,
    "DNS:localhost, DNS:laptop.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:192.168.1.7",
  );
  assert.equal(await verdict(made, authority.pem, "localhost"), "trusted");
  const again = await openAuthority({ directory: at.directory, clock: systemClock });
  assert.equal(again.pem, authority.pem);
  for (const file of ["authority.key", "authority.pem"])
    assert.equal((await stat(join(at.directory, file))).mode & 0o777, 0o600, file);

  // Somebody stole the key, and signs for a website.
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const stolen = PemConverter.decodeFirst(await readFile(join(at.directory, "authority.key"), "utf8"));
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const forged = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: "CN=bank.example",
    issuer: new Parsed(authority.pem).subject,
    notBefore: new Date(Date.now() - 1_000),
    notAfter: new Date(Date.now() + 86_400_000),
    publicKey: keys.publicKey,
    signingKey: await crypto.subtle.importKey("pkcs8", stolen, algorithm, false, ["sign"]),
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "bank.example" }])],
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  assert.equal(
    await verdict({ cert: forged.toString("pem"), key }, authority.pem, "bank.example"),
    "permitted subtree violation",
  );
});

test("[CRT-2] renewed files are taken up; what is not a pair is told once and not taken; at the start it is refused", async () => {
  await using at = await place();
  const clock = createTestClock();
  const authority = await openAuthority({ directory: join(at.directory, "authority"), clock });
  const files = { cert: join(at.directory, "cert.pem"), key: join(at.directory, "key.pem") };
  const put = async (cert: string, key: string) => {
    // As tools that renew do it: nobody sees half a file.
    for (const [file, content] of [
      [files.cert, cert],
      [files.key, key],
    ] as const) {
      await writeFile(`${file}.new`, content);
      await rename(`${file}.new`, file);
    }
  };
  const [first, second] = [await authority.issue(names), await authority.issue(names)];
  await put(first.cert, second.key);
  const told: string[] = [];
  const options = {
    ...files,
    clock,
    onChanged: () => told.push("changed"),
    onError: (error: unknown) => told.push(String(error)),
  };
  await assert.rejects(certificateOfFiles(options), /the key belongs to another certificate/);
  await assert.rejects(certificateOfFiles({ ...options, key: "/nowhere" }), /TLS_CERT or TLS_KEY cannot be read/);
  await put(first.cert, first.key);
  const certificate = await certificateOfFiles(options);
  let changes = 0;
  certificate.onChanged(() => changes++);
  await put(second.cert, first.key);
  for (let i = 0; i < 3; i++) {
    clock.pass(10_000);
    await eventually(() => told.length === 1);
  }
  assert.match(told[0] ?? "", /the key belongs to another certificate/);
  assert.equal(certificate.current.cert, first.cert);
  await put(second.cert, second.key);
  clock.pass(10_000);
  await eventually(() => changes === 1);
  assert.equal(certificate.current.cert, second.cert);
  assert.deepEqual(told.slice(1), ["changed"]);
  certificate.close();
});

test("[CRT-3] a certificate of the machine's own is made anew when its addresses change, and a month before it ends", async () => {
  await using at = await place();
  const clock = createTestClock();
  const authority = await openAuthority({ directory: at.directory, clock });
  let now = { names: ["localhost"], addresses: ["192.168.1.7"] };
  let changes = 0;
  const certificate = await certificateOfAuthority({
    authority,
    names: () => now,
    clock,
    onChanged: () => changes++,
    onError: (error) => assert.fail(String(error)),
  });
  const parsed = () => new X509Certificate(certificate.current.cert);
  const before = certificate.current.cert;
  clock.pass(10_000);
  now = { ...now, addresses: ["10.0.0.4"] };
  clock.pass(10_000);
  await eventually(() => changes === 1);
  assert.equal(parsed().subjectAltName, "DNS:localhost, IP Address:10.0.0.4");
  assert.notEqual(certificate.current.cert, before);
  const ends = Date.parse(parsed().validTo);
  clock.pass(ends - clock.now() - 31 * 86_400_000);
  clock.pass(2 * 86_400_000);
  await eventually(() => changes === 2);
  assert.ok(Date.parse(parsed().validTo) > ends);
  certificate.close();
});
