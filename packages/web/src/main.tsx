import "./style.css";
import { createRoot } from "react-dom/client";
import { openAccount, takeInvitation } from "./account.ts";
import { App } from "./app.tsx";
import { hearInstallOffer } from "./install.ts";

// Before anything is shown: what lets in must not stay in the address.
const invitation = takeInvitation();
hearInstallOffer();
const account = await openAccount();
const root = document.querySelector("#app");
if (root) createRoot(root).render(<App account={account} invitation={invitation} />);
if ("serviceWorker" in navigator)
  navigator.serviceWorker.register(addressOfWorker() as string, { type: "module" }).catch(() => {});

/** The page's policy takes no text for the address of a script: only what this one rule has made of nothing. */
function addressOfWorker(): unknown {
  const { trustedTypes } = globalThis as unknown as {
    trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): unknown } };
  };
  const address = "/worker.js";
  if (trustedTypes === undefined) return address;
  return trustedTypes.createPolicy("worker", { createScriptURL: () => address }).createScriptURL("");
}
