import type { RequestCommand } from "@claude-companion/protocol";
import type { Attention } from "../push/index.ts";
import type { Caller, Handlers } from "./handlers.ts";

/** What nothing but a person does in a session: whoever does it looks at it. */
const signs: ReadonlySet<RequestCommand> = new Set([
  "sessionForegrounded",
  "sendMessage",
  "respondPermission",
  "interrupt",
  "setModel",
  "setPermissionMode",
  "updateSession",
  "moveMessage",
  "withdrawMessage",
]);

/** The same handlers, which take note of what people do by hand: a device whose person is there need not be told. */
export function byHand(attention: Pick<Attention, "acted">, handlers: Handlers): Handlers {
  const noting = Object.entries(handlers).map(([type, handler]) => {
    if (!signs.has(type as RequestCommand)) return [type, handler];
    return [
      type,
      async (caller: Caller, data: { sessionId: string }) => {
        const done = await (handler as (caller: Caller, data: object) => Promise<object>)(caller, data);
        attention.acted(caller.deviceId, data.sessionId);
        return done;
      },
    ];
  });
  return Object.fromEntries(noting);
}
