import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Place } from "../server.ts";
import type { Apple } from "./apple.ts";

/** Settings of a server that knows Apple by this name, with the files that they name. */
export async function appleSettings(apple: Apple, directory: string): Promise<Record<string, string>> {
  const [keyFile, rootsFile] = [join(directory, "AuthKey.p8"), join(directory, "roots.pem")];
  await writeFile(keyFile, apple.key);
  await writeFile(rootsFile, apple.certificate.cert);
  return {
    APNS_KEY: keyFile,
    APNS_KEY_ID: apple.keyId,
    APNS_TEAM_ID: apple.teamId,
    APNS_TOPIC: apple.topic,
    APNS_URL: apple.url,
    NODE_EXTRA_CA_CERTS: rootsFile,
  };
}

/** The same, once there is a place for the files; put into `settings`. */
export const prepareApple =
  (apple: Apple, settings: Record<string, string>) =>
  async ({ directory }: Place): Promise<void> => {
    Object.assign(settings, await appleSettings(apple, directory));
  };
