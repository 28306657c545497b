import { randomUUID } from "node:crypto";
import type { Companion } from "@claude-companion/client";
import { type ApiAnswer, callApi } from "./api.ts";
import type { Model } from "./model.ts";
import { makePlace, type Place, type Server, startServer, token } from "./server.ts";
import { type Watcher, watch } from "./watcher.ts";

/** A place with a server, and those that come after it; all of it, and every device, ends with the test. */
export interface World extends AsyncDisposable {
  readonly place: Place;
  readonly server: Server;
  /** The next server, on the same data and port. */
  startAgain(more?: Record<string, string>): Promise<Server>;
  /** A session in the place's project, on a device of its own. */
  session(options?: object): Promise<{ device: Companion; sessionId: string; view: Watcher }>;
  /** A request over REST. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
}

export async function startWorld(
  model: Pick<Model, "url">,
  extra: Record<string, string> = {},
  prepare: (place: Place) => Promise<void> = async () => {},
): Promise<World> {
  const place = await makePlace(model.url);
  await prepare(place);
  const server = await startServer(place, extra);
  const servers = [server];
  return {
    place,
    server,
    async startAgain(more = {}) {
      const next = await startServer(place, { ...extra, ...more, PORT: new URL(server.url).port });
      servers.push(next);
      return next;
    },
    async session(options = {}) {
      const device = await server.device(`device ${randomUUID().slice(0, 4)}`);
      const { session } = await device.request("createSession", {
        workingDirectory: place.project,
        reuse: false,
        ...options,
      });
      const { sessionId } = session;
      return { device, sessionId, view: watch(device.subscribe(sessionId)) };
    },
    api: (method, path, body, headers) => callApi(server.url + path, { token, method, body, headers }),
    async [Symbol.asyncDispose]() {
      for (const one of servers.toReversed()) await one[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
