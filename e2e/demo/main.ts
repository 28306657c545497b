// `npm run demo`: the genuine Claude CLI with a scripted model on loopback, so that anyone can see it work without an account.

import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { callApi } from "../kit/api.ts";
import { exitOf } from "../kit/lines.ts";
import { startModel } from "../kit/model.ts";
import { commandLine, makePlace, startServer, token } from "../kit/server.ts";

const isInteractive = process.stdin.isTTY === true;
const say = (text: string) => process.stdout.write(`${text}\n`);

say("Starting a scripted model, a companion server and a chat. Nothing leaves this machine.\n");
await using model = await startModel();
await using place = await makePlace(model.url);
await mkdir(join(place.directory, "projects", "one"), { recursive: true });
await using server = await startServer(place);
say(`The server runs at ${server.url}; Claude works in ${place.project}.`);
const pairing = await callApi(`${server.url}/api/pairing`, { token, method: "POST" });
const { code }: { code: string } = pairing.body;
say(`See it in a browser of this machine, too (once, within two minutes): ${server.url}/#pair=${code}`);
say(
  isInteractive
    ? 'Type "write a haiku", "what time is it" or "ask me a question". Ctrl-C twice ends the demonstration.\n'
    : 'Nobody is at the keyboard, so this demonstration types for itself: "write a haiku", and "y".\n',
);

const chat = spawn(process.execPath, [...commandLine, "chat", place.project], {
  cwd: place.project,
  env: { ...place.environment, ...(process.env.TERM ? { TERM: process.env.TERM } : {}) },
  stdio: [isInteractive ? "inherit" : "pipe", isInteractive ? "inherit" : "pipe", "inherit"],
});
// Ctrl-C is the chat's; we end when it does.
process.on("SIGINT", () => {});
if (!isInteractive) {
  chat.stdin?.write("write a haiku\n");
  let answered = false;
  let shown = "";
  chat.stdout?.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    shown += text;
    if (answered || !shown.includes("[y]es")) return;
    answered = true;
    process.stdout.write("y\n");
    chat.stdin?.end("y\n");
  });
}
await exitOf(chat);
say("\nThat was it. `npm start` runs the server with your own Claude.");
