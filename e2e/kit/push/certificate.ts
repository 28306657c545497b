import { generate } from "selfsigned";

/** A certificate for this machine that nobody knows yet. */
export interface Certificate {
  cert: string;
  key: string;
}

/** For 127.0.0.1 and localhost, for a day. */
export async function makeCertificate(): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    keyType: "ec",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 7, ip: "127.0.0.1" },
          { type: 2, value: "localhost" },
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
