import { isIPv4 } from "node:net";

/** Names that the public internet does not have (RFC 6761, 6762, 8375, 9476). */
const domains = ["localhost", "local", "internal", "lan", "home.arpa"];
/** Addresses of private networks, with their masks (RFC 1918, 4193, 6598). */
const networks = ["0a000000ff000000", "7f000000ff000000", "c0a80000ffff0000", "ac100000fff00000", "64400000ffc00000"];
const networks6 = [`${"0".repeat(31)}1${"f".repeat(32)}`, `fc${"0".repeat(30)}fe${"0".repeat(30)}`];

/** Whether a private authority may vouch for this name or address. */
export function isPrivate(nameOrAddress: string): boolean {
  if (isIPv4(nameOrAddress))
    return /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
      nameOrAddress,
    );
  if (nameOrAddress.includes(":")) return nameOrAddress === "::1" || /^f[cd]/i.test(nameOrAddress);
  return domains.some((domain) => nameOrAddress === domain || nameOrAddress.endsWith(`.${domain}`));
}

/** The same as an extension of a certificate: NameConstraints (RFC 5280, 4.2.1.10), in DER. */
export function privateNameConstraints(): Uint8Array<ArrayBuffer> {
  const names = [
    ...domains.map((domain) => der(0x82, Buffer.from(domain, "ascii"))),
    ...[...networks, ...networks6].map((network) => der(0x87, Buffer.from(network, "hex"))),
  ];
  const permitted = der(0xa0, Buffer.concat(names.map((name) => der(0x30, name))));
  return Uint8Array.from(der(0x30, permitted));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
