import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";

/** What Apple answered. */
export interface ApnsAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One kept connection to Apple; all requests share it (Apple: "leave a connection open unless you know it will be idle"). */
export interface ApnsConnection {
  /** @throws when the connection fails or `signal` ends the wait */
  post(path: string, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<ApnsAnswer>;
  close(): void;
}

/** @param origin `https://api.push.apple.com` */
export function createApnsConnection(origin: string): ApnsConnection {
  let session: ClientHttp2Session | undefined;

  function current(): ClientHttp2Session {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    const opened = connect(origin);
    session = opened;
    // What is under way on it goes on or fails by itself; what comes next takes another.
    const leave = () => {
      if (session === opened) session = undefined;
    };
    opened.on("goaway", leave);
    opened.on("close", leave);
    opened.on("error", leave);
    // It must not keep a server from stopping.
    opened.unref();
    return opened;
  }

  return {
    post(path, headers, body, signal) {
      return new Promise((resolve, reject) => {
        const used = current();
        const stream = used.request({ ":method": "POST", ":path": path, ...headers }, { signal });
        let answered: IncomingHttpHeaders = {};
        let text = "";
        stream.setEncoding("utf8");
        stream.on("response", (received) => (answered = received));
        stream.on("data", (chunk: string) => (text += chunk));
        stream.on("error", (error) => {
          // It did not answer in time, though it may only seem to be there.
          if (signal.aborted) used.destroy();
          reject(error);
        });
        stream.on("close", () => {
          const status = answered[":status"];
          // Closed without an answer: reset, or refused by GOAWAY.
          if (typeof status !== "number") reject(new Error(`the stream was reset (${stream.rstCode})`));
          else resolve({ status, headers: answered, body: text });
        });
        stream.end(body);
      });
    },
    close() {
      session?.destroy();
      session = undefined;
    },
  };
}
