import { hostname, networkInterfaces } from "node:os";

/** Under which names and addresses this machine can be reached on its networks. */
export interface MachineNames {
  names: string[];
  addresses: string[];
}

/** The machine's addresses that others can reach, IPv4 first: people read them. */
function addressesOf(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const found = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    // A link-local address is of use only with the name of an interface, which no certificate can hold.
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:") && !address.startsWith("169.254."));
  const ofFamily = (family: string) => found.filter((one) => one.family === family).map(({ address }) => address);
  return [...ofFamily("IPv4"), ...ofFamily("IPv6")];
}

/** As they are now; they change when a laptop moves. */
export function machineNames(): MachineNames {
  const name = hostname().toLowerCase();
  const local = name.endsWith(".local") ? name : `${name.split(".")[0]}.local`;
  return {
    names: [...new Set(["localhost", name, local])],
    addresses: ["127.0.0.1", "::1", ...addressesOf(networkInterfaces())],
  };
}
