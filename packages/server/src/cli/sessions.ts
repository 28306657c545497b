import { type Command, readFlags } from "./command-line.ts";
import { connectedWithin, reach, reachFlags } from "./reach.ts";

/** `claude-companion sessions`: what there is, what it does, what waits. */
export const sessions: Command = async (terminal) => {
  const { values } = readFlags(terminal.args, { ...reachFlags, json: { type: "boolean" } });
  const { companion } = await reach(terminal, values);
  try {
    await connectedWithin(companion, 5_000);
    const { sessions: list } = await companion.request("watchSessions", {});
    if (values.json) terminal.output.write(`${JSON.stringify(list, null, 2)}\n`);
    else if (list.length === 0)
      terminal.output.write("No sessions yet. Begin one with `claude-companion chat <directory>`.\n");
    else for (const session of list) terminal.output.write(`${rowOf(session)}\n`);
    return 0;
  } finally {
    companion.close();
  }
};

function rowOf(session: {
  sessionId: string;
  status: string;
  title: string;
  workingDirectory: string;
  unread: number;
  pendingPermissions: readonly unknown[];
}): string {
  const waiting = session.pendingPermissions.length > 0 ? `  ${session.pendingPermissions.length} waiting for you` : "";
  const unread = session.unread > 0 ? `  ${session.unread} unread` : "";
  return `${session.sessionId}  ${session.status.padEnd(10)}  ${session.title || "(no title)"}  ${session.workingDirectory}${waiting}${unread}`;
}
