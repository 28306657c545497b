import "./style.css";
import { createRoot } from "react-dom/client";
import { openAccount, takeInvitation } from "./account.ts";
import { App } from "./app.tsx";

// Before anything is shown: what lets in must not stay in the address.
const invitation = takeInvitation();
const account = await openAccount();
const root = document.querySelector("#app");
if (root) createRoot(root).render(<App account={account} invitation={invitation} />);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js", { type: "module" }).catch(() => {});
