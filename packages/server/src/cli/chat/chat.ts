import { isAbsolute, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Companion, CompanionError, type SessionFrame } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { messageOf } from "../../message-of.ts";
import { type Command, readFlags, type Terminal } from "../command-line.ts";
import { connectedWithin, reach, reachFlags } from "../reach.ts";
import { type Asker, createAsker } from "./asker.ts";
import { createRenderer } from "./render.ts";

type Summary = CommandAck<"createSession">["session"];

/** However little was missed, this much is shown again, so that one knows where one is. */
const contextEvents = 20;

/** `claude-companion chat [dir]`: a session in the terminal. */
export const chat: Command = async (terminal) => {
  const own = {
    ...reachFlags,
    session: { type: "string" },
    new: { type: "boolean" },
    model: { type: "string" },
    mode: { type: "string" },
  } as const;
  const { values, positionals } = readFlags(terminal.args, own);
  const { companion, isRemote } = await reach(terminal, values);
  try {
    await connectedWithin(companion, 10_000);
    const session = await choose(companion, terminal, { ...values, directory: positionals[0], isRemote });
    terminal.output.write(`${session.title || "New session"} in ${session.workingDirectory}\n`);
    return await talk(companion, session, terminal);
  } finally {
    companion.close();
  }
};

async function choose(
  companion: Companion,
  terminal: Terminal,
  wanted: Readonly<Record<string, unknown>> & { directory: string | undefined; isRemote: boolean },
): Promise<Summary> {
  if (typeof wanted.session === "string" || (wanted.directory === undefined && wanted.isRemote && !wanted.new)) {
    const { sessions } = await companion.request("watchSessions", {});
    const found =
      typeof wanted.session === "string"
        ? sessions.find(({ sessionId }) => sessionId.startsWith(String(wanted.session)))
        : sessions[0];
    if (found) return found;
    throw new CompanionError(
      "SESSION_NOT_FOUND",
      "There is no such session. List them with `claude-companion sessions`, or name a directory of the server's machine.",
    );
  }
  const directory = wanted.directory ?? ".";
  const workingDirectory =
    wanted.isRemote && isAbsolute(directory) ? directory : resolve(terminal.workingDirectory, directory);
  const { session } = await companion.request("createSession", {
    workingDirectory,
    reuse: wanted.new !== true,
    ...(typeof wanted.model === "string" ? { model: wanted.model } : {}),
    ...(typeof wanted.mode === "string" ? { permissionMode: wanted.mode as never } : {}),
  });
  return session;
}

async function talk(companion: Companion, session: Summary, terminal: Terminal): Promise<number> {
  const { sessionId } = session;
  const { input, output } = terminal;
  const renderer = createRenderer({ deviceId: companion.deviceId, colours: output.isTTY === true });
  const { lastSeq, unread } = session;
  const stream = companion.subscribe(sessionId, { after: Math.max(0, lastSeq - Math.max(unread, contextEvents)) });
  /** What waits for an answer; the first is the one that is being asked. */
  const askers: Asker[] = [];
  let status: string = session.status;
  let inputEnded = false;
  let sending = 0;
  /** What was shown, not what has arrived: what waits to be shown must not be dropped at the end. */
  let shownUpTo = 0;
  let replayUpTo = Number.POSITIVE_INFINITY;
  const lines = createInterface({
    input,
    output: output.isTTY ? output : undefined,
    terminal: output.isTTY === true,
    prompt: "",
  });

  const show = (text: string) => text !== "" && output.write(text);
  const showPrompt = () => {
    const [asker] = askers;
    if (asker) show(`\n${asker.prompt()}`);
  };
  function ask(request: Parameters<typeof createAsker>[0]): void {
    if (askers.some(({ permissionId }) => permissionId === request.permissionId)) return;
    askers.push(createAsker(request));
    if (askers.length === 1) showPrompt();
  }
  function settled(permissionId: string): void {
    const at = askers.findIndex((asker) => asker.permissionId === permissionId);
    if (at === -1) return;
    askers.splice(at, 1);
    if (at === 0) showPrompt();
  }
  const complain = (error: unknown) => show(`✗ ${messageOf(error)}\n`);

  function take(line: string): void {
    const [asker] = askers;
    if (asker) {
      const answer = asker.take(line);
      if (answer === undefined) return showPrompt();
      companion.respond(sessionId, asker.permissionId, answer).catch(complain);
      return settled(asker.permissionId);
    }
    if (line.trim() === "") return;
    sending += 1;
    companion
      .send(sessionId, line)
      .catch(complain)
      .finally(() => {
        sending -= 1;
      });
  }
  /** With nobody left to type, the end of the work is the end, once all that was missed has been shown. */
  const isDone = () =>
    inputEnded &&
    shownUpTo >= replayUpTo &&
    sending === 0 &&
    askers.length === 0 &&
    companion.unsent().length === 0 &&
    !["running", "starting", "waiting"].includes(status);
  function heed(frame: SessionFrame): void {
    if (frame.type === "permissionRequest" && frame.queued === undefined) ask(frame.data);
    if (frame.type === "permissionResolved") settled(frame.data.permissionId);
    if (frame.type === "sessionStatus") status = frame.data.status;
    show(renderer.render(frame));
    if ("seq" in frame && frame.seq !== undefined) shownUpTo = frame.seq;
  }

  let wantsOut = false;
  const stopSignals = terminal.onStop((signal) => {
    const busy = status === "running" || status === "waiting";
    if (signal !== "SIGINT" || wantsOut || !busy) return stream.close();
    wantsOut = true;
    show("\n· Interrupting; Ctrl-C once more leaves (Claude's session stays).\n");
    companion.request("interrupt", { sessionId }).catch(complain);
  });
  lines.on("SIGINT", () => process.emit("SIGINT"));
  lines.on("line", (line) => {
    wantsOut = false;
    take(line);
  });
  lines.on("close", () => {
    inputEnded = true;
    if (output.isTTY || isDone()) stream.close();
  });
  const stopTroubles = companion.onTrouble(complain);
  const stopStates = companion.onState((state) => {
    if (state.name === "reconnecting" && state.attempt === 0) show("\n· The connection is lost; trying again …\n");
    if (state.name === "connected") show("· Connected again.\n");
  });
  try {
    const start = await stream.subscribed;
    shownUpTo = start.after;
    replayUpTo = start.lastSeq;
    for (const request of start.pendingPermissions) ask(request);
    if (isDone()) stream.close();
    for await (const frame of stream) {
      heed(frame);
      if (isDone()) break;
    }
    return 0;
  } finally {
    stopTroubles();
    stopStates();
    stopSignals();
    lines.close();
  }
}
