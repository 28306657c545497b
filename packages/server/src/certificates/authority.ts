import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Clock } from "../clock.ts";
import type { MachineNames } from "./names.ts";
import { isPrivate, privateNameConstraints } from "./private-names.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
/** Years, so that a phone is made to trust it once. */
const authorityDays = 3_650;
/** Apple takes no server certificate that is valid for longer than 825 days, also of authorities that a person added. */
const serverDays = 397;

/** A private certificate authority of this machine: phones that trust it trust this server, and nothing else. */
export interface Authority {
  /** To be given to devices. */
  readonly pem: string;
  /** It was made just now: no device trusts it yet. */
  readonly isNew: boolean;
  /** A server's certificate for those names that are private, with the key that belongs to it. */
  issue(names: MachineNames): Promise<{ cert: string; key: string; validTo: number }>;
}

/**
 * Opens the authority of a data directory; makes it the first time. Its certificate says that it may vouch for private
 * addresses and local names only: a key that was stolen opens no bank.
 */
export async function openAuthority(options: { directory: string; clock: Pick<Clock, "now"> }): Promise<Authority> {
  const { directory, clock } = options;
  const known = await readAuthority(directory);
  const { pem, key } = known ?? (await makeAuthority(directory, clock.now()));
  const issuer = new X509Certificate(pem);
  const signingKey = await crypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(key), algorithm, false, ["sign"]);
  return {
    pem,
    isNew: known === undefined,
    async issue({ names, addresses }) {
      const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const validTo = Math.min(clock.now() + serverDays * dayMs, issuer.notAfter.getTime());
      const certificate = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: "CN=Claude Companion",
        issuer: issuer.subject,
        // Clocks of phones differ a little.
        notBefore: new Date(clock.now() - dayMs),
        notAfter: new Date(validTo),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          new SubjectAlternativeNameExtension([
            ...names.filter(isPrivate).map((value) => ({ type: "dns" as const, value })),
            ...addresses.filter(isPrivate).map((value) => ({ type: "ip" as const, value })),
          ]),
        ],
      });
      return { cert: certificate.toString("pem"), key: await pemOf(keys.privateKey), validTo };
    },
  };
}

async function readAuthority(directory: string): Promise<{ pem: string; key: string } | undefined> {
  try {
    const [pem, key] = await Promise.all([
      readFile(join(directory, "authority.pem"), "utf8"),
      readFile(join(directory, "authority.key"), "utf8"),
    ]);
    return { pem, key };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function makeAuthority(directory: string, now: number): Promise<{ pem: string; key: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const name = `CN=Claude Companion ${randomBytes(3).toString("hex")}`;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name,
    issuer: name,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + authorityDays * dayMs),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new Extension("2.5.29.30", true, privateNameConstraints()),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const made = { pem: certificate.toString("pem"), key: await pemOf(keys.privateKey) };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The key first: a certificate without its key would be of no use for ever.
  for (const [file, content] of [
    ["authority.key", made.key],
    ["authority.pem", made.pem],
  ] as const) {
    await writeFile(join(directory, `${file}.new`), content, { mode: 0o600 });
    await rename(join(directory, `${file}.new`), join(directory, file));
  }
  return made;
}

const pemOf = async (key: Parameters<typeof crypto.subtle.exportKey>[1]): Promise<string> =>
  PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");

/** Sixteen bytes at random, and positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString("hex");
}
