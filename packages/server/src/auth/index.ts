export { type Auth, createAuth, ownerUser, type Principal } from "./auth.ts";
export { createOriginPolicy, type OriginPolicy } from "./origin.ts";
export { createPairing, type Pairing } from "./pairing.ts";
