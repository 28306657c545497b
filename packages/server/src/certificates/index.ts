export { openAuthority } from "./authority.ts";
export { type Certificate, certificateOfAuthority, certificateOfFiles } from "./certificate.ts";
export { machineNames } from "./names.ts";
