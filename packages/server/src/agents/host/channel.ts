import { connect, type Socket } from "node:net";
import { createFrameReader, encodeMessage, type Frame, type HostMessage, hostProtocol } from "./frames.ts";

const answerMs = 10_000;

/** A connection to a host: questions with answers, and what comes by itself. */
export interface Channel {
  readonly hello: { protocol: number; pid: number; version: string };
  send(message: HostMessage): void;
  /** Sends and waits for the first message of one of these types. @throws Error of the host, or when it does not answer */
  ask(message: HostMessage, ...types: string[]): Promise<HostMessage>;
  /** Passes on what came after the last answer. */
  flow(): void;
  readonly socket: Socket;
  onMessage: (message: HostMessage) => void;
  onLine: (number: number, line: Buffer) => void;
  /** Called after lines that came together. */
  onPause: () => void;
}

/** @throws NodeJS.ErrnoException when nobody listens; Error when nobody answers */
export function connectChannel(socketPath: string): Promise<Channel> {
  const socket = connect(socketPath);
  const waiting = new Set<{ types: string[]; resolve: (message: HostMessage) => void; reject: (e: Error) => void }>();
  const fail = (error: Error) => {
    for (const { reject } of waiting) reject(error);
    waiting.clear();
  };
  const wait = (types: string[]) =>
    new Promise<HostMessage>((resolve, reject) => {
      const patience = setTimeout(() => {
        waiting.delete(entry);
        reject(new Error(`the agent host at ${socketPath} does not answer`));
      }, answerMs);
      const entry = {
        types,
        resolve(message: HostMessage) {
          clearTimeout(patience);
          resolve(message);
        },
        reject(error: Error) {
          clearTimeout(patience);
          reject(error);
        },
      };
      waiting.add(entry);
    });
  let held: Frame[] | undefined;
  const channel: Omit<Channel, "hello"> = {
    socket,
    flow() {
      const frames = held ?? [];
      held = undefined;
      for (const frame of frames) take(frame);
      channel.onPause();
    },
    send: (message) => void socket.write(encodeMessage(message)),
    ask(message, ...types) {
      channel.flow();
      channel.send(message);
      return wait(types);
    },
    onMessage: () => {},
    onLine: () => {},
    onPause: () => {},
  };
  const take = (frame: Frame): void => {
    if (held !== undefined) return void held.push(frame);
    if (frame.kind === "line") return channel.onLine(frame.number, frame.line);
    const { message } = frame;
    const entry = [...waiting].find(({ types }) => types.includes(message.type) || message.type === "error");
    if (entry === undefined) return channel.onMessage(message);
    waiting.delete(entry);
    if (message.type === "error")
      return entry.reject(Object.assign(new Error(String(message.message)), { code: message.code }));
    // What follows the answer waits until whoever asked has seen it.
    held = [];
    entry.resolve(message);
  };
  const read = createFrameReader(take);
  socket.on("data", (chunk: Buffer) => {
    try {
      read(chunk);
      channel.onPause();
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the agent host is gone")));
  const greet = async (): Promise<Channel> => {
    const { protocol, pid, version } = (await wait(["hello"])) as unknown as Channel["hello"];
    if (protocol > hostProtocol) {
      const advice = "end them with its `claude-companion agents --end all`, or install it again";
      throw Object.assign(new Error(`Agents run in the host of a newer version (${version}): ${advice}.`), {
        code: "NEWER",
      });
    }
    return Object.assign(channel, { hello: { protocol, pid, version } });
  };
  return greet().catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
}
