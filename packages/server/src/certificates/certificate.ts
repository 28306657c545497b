import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CompanionError } from "@claude-companion/protocol";
import { type Clock, every } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Authority } from "./authority.ts";
import type { MachineNames } from "./names.ts";

/** What the server shows to prove who it is. It changes while the server runs: it is renewed, the machine moves. */
export interface Certificate {
  /** PEM. */
  readonly current: { cert: string; key: string };
  /** The private authority that devices must be made to trust (PEM); undefined: they trust it already. */
  readonly authority: string | undefined;
  /** No device can trust the authority yet. */
  readonly isAuthorityNew: boolean;
  /** Calls back when `current` is another one. @returns stops it */
  onChanged(listener: () => void): () => void;
  close(): void;
}

/** How the files are now and then looked at: programs that renew them tell nobody. */
const lookMs = 10_000;
const renewBeforeMs = 30 * 86_400_000;

/**
 * A certificate in files (TLS_CERT, TLS_KEY). Renewed ones are taken up; what is not a pair is told and not taken.
 * @throws CompanionError `INVALID_REQUEST` when they are not a pair now
 */
export async function certificateOfFiles(options: {
  cert: string;
  key: string;
  clock: Clock;
  onChanged: (event: { validTo: string }) => void;
  onError: (error: unknown) => void;
}): Promise<Certificate> {
  const read = async () => {
    const [cert, key] = await Promise.all([readFile(options.cert, "utf8"), readFile(options.key, "utf8")]).catch(
      (error: unknown) => {
        throw new CompanionError("INVALID_REQUEST", `TLS_CERT or TLS_KEY cannot be read: ${messageOf(error)}`);
      },
    );
    return { cert, key, validTo: checkPair(cert, key) };
  };
  return renewing({ ...options, first: await read(), authority: undefined, isAuthorityNew: false, next: read });
}

/** A certificate of the machine's own authority, for the names and addresses that the machine has at the time. */
export async function certificateOfAuthority(options: {
  authority: Authority;
  names: () => MachineNames;
  clock: Clock;
  onChanged: (event: { validTo: string }) => void;
  onError: (error: unknown) => void;
}): Promise<Certificate> {
  const { authority, clock } = options;
  const issue = async () => {
    const names = options.names();
    const made = await authority.issue(names);
    return { ...made, validTo: new Date(made.validTo).toISOString(), of: JSON.stringify(names) };
  };
  let mine = await issue();
  async function next() {
    const isNear = Date.parse(mine.validTo) - clock.now() < renewBeforeMs;
    if (isNear || JSON.stringify(options.names()) !== mine.of) mine = await issue();
    return mine;
  }
  const { pem, isNew } = authority;
  return renewing({ ...options, first: mine, authority: pem, isAuthorityNew: isNew, next });
}

interface Pair {
  cert: string;
  key: string;
  validTo: string;
}

function renewing(options: {
  first: Pair;
  authority: string | undefined;
  isAuthorityNew: boolean;
  next: () => Promise<Pair>;
  clock: Clock;
  onChanged: (event: { validTo: string }) => void;
  onError: (error: unknown) => void;
}): Certificate {
  const listeners = new Set<() => void>();
  let current = options.first;
  let trouble: string | undefined;
  async function look(): Promise<void> {
    try {
      const found = await options.next();
      trouble = undefined;
      if (found.cert === current.cert && found.key === current.key) return;
      current = found;
      for (const listener of listeners) listener();
      options.onChanged({ validTo: found.validTo });
    } catch (error) {
      // Between two files of a renewal it is no pair, for a moment; what stays wrong is told once.
      if (messageOf(error) !== trouble) options.onError(error);
      trouble = messageOf(error);
    }
  }
  const stop = every(options.clock, lookMs, () => void look());
  return {
    get current() {
      return current;
    },
    authority: options.authority,
    isAuthorityNew: options.isAuthorityNew,
    onChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: stop,
  };
}

/** @returns until when it is valid @throws CompanionError that says what does not fit */
function checkPair(cert: string, key: string): string {
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the key belongs to another certificate");
    return new Date(certificate.validTo).toISOString();
  } catch (error) {
    throw new CompanionError(
      "INVALID_REQUEST",
      `TLS_CERT and TLS_KEY must be a certificate (with its chain) and its key without a passphrase, in PEM: ${messageOf(error)}.`,
    );
  }
}
