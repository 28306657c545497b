import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { CompanionError } from "@claude-companion/protocol/errors";
import fc from "fast-check";
import { connect } from "./companion.ts";
import { withoutHoles } from "./event-cache.ts";
import { createMemory } from "./memory.ts";
import { openOutbox } from "./outbox.ts";
import { reconnectDelayMs } from "./reconnect.ts";
import { createSessionStream, type SessionFrame, type SubscribeOptions } from "./session-stream.ts";
import { createSocket, Disconnected, type WebSocketLike } from "./socket.ts";
import { uuid } from "./uuid.ts";
import { isHidden, onWake } from "./wake.ts";

const sessionId = "4b2f7a0c-6d0e-4f59-9f0c-2b1f6d0f5a11";
const timestamp = "2026-01-01T00:00:00.000Z";
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const notice = (seq: number): SessionFrame => ({
  type: "agentNotice",
  sessionId,
  seq,
  timestamp,
  data: { kind: "notice", text: String(seq) },
});
const delta = (offset: number, text: string): SessionFrame => ({
  type: "streamData",
  sessionId,
  timestamp,
  data: { messageId: "m", blockIndex: 0, kind: "text", offset, text },
});

/** A stream with a server that is played by the test. */
function makeStream(subscribe: SubscribeOptions = {}, storage = createMemory()) {
  const asked: { after?: unknown; epoch?: unknown }[] = [];
  const acknowledged: number[] = [];
  let epoch = "e1";
  let from = 0;
  const stream = createSessionStream({
    sessionId,
    subscribe,
    storage,
    async request(type, data, onAnswer) {
      if (type === "acknowledge") {
        acknowledged.push((data as { seq: number }).seq);
        return { ackedSeq: 0 } as never;
      }
      const { after } = data as { after?: unknown };
      asked.push(data as never);
      // An answer takes its time, however little.
      await Promise.resolve();
      const answer = {
        epoch,
        firstSeq: 1,
        lastSeq: 99,
        after: typeof after === "number" ? after : from,
        status: "idle",
        pendingPermissions: [],
      };
      onAnswer?.(answer as never);
      return answer as never;
    },
    onClose() {},
  });
  const got: SessionFrame[] = [];
  const reading = (async () => {
    for await (const frame of stream) got.push(frame);
  })();
  reading.catch(() => {});
  return {
    stream,
    asked,
    acknowledged,
    got,
    reading,
    storage,
    receive(...frames: SessionFrame[]) {
      for (const frame of frames) stream.receive(frame, 100);
    },
    serve: (change: { epoch?: string; from?: number }) => {
      epoch = change.epoch ?? epoch;
      from = change.from ?? from;
    },
  };
}
const seqs = (frames: SessionFrame[]) => frames.map((frame) => ("seq" in frame ? frame.seq : frame.type));

/** A WebSocket whose other side is the test. */
function fakeSocket() {
  const sent: string[] = [];
  const ws: WebSocketLike = {
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    readyState: 1,
    send: (data) => void sent.push(data),
    close() {},
  };
  const closed: number[] = [];
  return { ws, sent, closed };
}

/** A companion whose sockets a test holds in its hands, those that it has opened in order. */
async function connectFaked() {
  const opened: (WebSocketLike & { closed: boolean })[] = [];
  class Fake implements WebSocketLike {
    onopen = null;
    onmessage: WebSocketLike["onmessage"] = null;
    onclose: WebSocketLike["onclose"] = null;
    onerror = null;
    readyState = 1;
    closed = false;
    constructor() {
      opened.push(this);
    }
    send() {}
    close() {
      this.closed = true;
    }
  }
  const ticket = async () => ({ status: 200, json: async () => ({ ticket: "t" }) });
  const companion = await connect({ url: "http://somewhere", token: "t", fetch: ticket as never, WebSocket: Fake });
  return { companion, opened };
}

describe("client", () => {
  test("[CLI-43] what this device has kept is used as far back as nothing is missing", () => {
    const frame = (seq: number) => ({ type: "agentNotice", sessionId: "s", seq, timestamp: "", data: {} }) as never;
    const kept = (...seqs: number[]) => withoutHoles(seqs.map(frame)).map((one) => ("seq" in one ? one.seq : 0));
    assert.deepEqual(kept(), []);
    assert.deepEqual(kept(7), [7]);
    assert.deepEqual(kept(1, 2, 3), [1, 2, 3]);
    assert.deepEqual(kept(1, 2, 5, 6), [5, 6]);
    assert.deepEqual(kept(1, 3, 5), [5]);
  });

  test("[CLI-20] what comes twice is dropped; a hole makes it subscribe again from where it was", async () => {
    const { stream, asked, got, receive } = makeStream({ after: 4, epoch: "e1" });
    stream.connected();
    await turn();
    receive(notice(5), notice(5), notice(4), notice(6));
    await turn();
    receive(notice(8));
    await turn();
    assert.deepEqual(
      asked.map(({ after, epoch }) => [after, epoch]),
      [
        [4, "e1"],
        [6, "e1"],
      ],
    );
    receive(notice(7), notice(8));
    await turn();
    assert.deepEqual(seqs(got), [5, 6, 7, 8]);
  });

  test("[CLI-21] frames of an older connection are not taken for those of the new one", async () => {
    const { stream, got, receive } = makeStream({ after: 0 });
    receive(notice(1));
    stream.connected();
    receive(notice(1));
    await turn();
    assert.deepEqual(seqs(got), [], "nothing before the answer to subscribe");
    receive(notice(1));
    await turn();
    assert.deepEqual(seqs(got), [1]);
  });

  test("[CLI-22] live text that is there already is cut off; text that is missing makes it subscribe again", async () => {
    const { stream, asked, got, receive } = makeStream({ after: 0 });
    stream.connected();
    await turn();
    receive(delta(0, "Hel"), delta(0, "Hello"), delta(2, "llo"), delta(5, " you"));
    await turn();
    assert.equal(got.map((frame) => (frame.type === "streamData" ? frame.data.text : "")).join(""), "Hello you");
    receive(delta(20, "late"));
    await turn();
    assert.equal(asked.length, 2);
  });

  test("[CLI-23] a gap is told and moves the position; a reset takes the new epoch", async () => {
    const { stream, asked, got, receive, serve } = makeStream({ after: 10, epoch: "e1" });
    stream.connected();
    await turn();
    receive(
      {
        type: "gap",
        sessionId,
        timestamp,
        data: { fromSeq: 11, toSeq: 20, reason: "expired", epoch: "e1", firstSeq: 21 },
      },
      notice(21),
    );
    serve({ epoch: "e2" });
    stream.connected();
    await turn();
    receive(
      { type: "gap", sessionId, timestamp, data: { fromSeq: 1, toSeq: 21, reason: "reset", epoch: "e2", firstSeq: 1 } },
      notice(1),
    );
    stream.connected();
    await turn();
    assert.deepEqual(seqs(got), ["gap", 21, "gap", 1]);
    assert.deepEqual(
      asked.map(({ after, epoch }) => [after, epoch]),
      [
        [10, "e1"],
        [21, "e1"],
        [1, "e2"],
      ],
    );
  });

  test("[CLI-24] the position is stored and acknowledged once the consumer is done with it, and is where the next run begins", async () => {
    const first = makeStream();
    first.serve({ from: 7 });
    first.stream.connected();
    await turn();
    first.receive(notice(8), notice(9));
    await turn();
    first.stream.close();
    for (let i = 0; i < 5; i++) await turn();
    assert.deepEqual(first.acknowledged, [9]);
    const second = makeStream({}, first.storage);
    second.stream.connected();
    await turn();
    assert.deepEqual([second.asked[0]?.after, second.asked[0]?.epoch], [9, "e1"]);
  });

  test("[CLI-25] with a filter holes are no loss", async () => {
    const { stream, asked, got, receive } = makeStream({ after: 0, events: ["agentNotice"] });
    stream.connected();
    await turn();
    receive(notice(3), notice(9), notice(3));
    await turn();
    assert.deepEqual(seqs(got), [3, 9]);
    assert.equal(asked.length, 1);
  });

  test("[CLI-26] an error that is for good ends the stream with it", async () => {
    const { stream, reading } = makeStream();
    stream.fail(new CompanionError("SESSION_NOT_FOUND", "gone"));
    await assert.rejects(reading, { code: "SESSION_NOT_FOUND" });
    await assert.rejects(stream.subscribed, { code: "SESSION_NOT_FOUND" });
  });

  test("[CLI-27] the outbox sends in order, keeps what was not acknowledged, and goes on after a restart", async () => {
    const storage = createMemory();
    const message = (content: string) => ({ sessionId, messageId: randomUUID(), content });
    const sent: unknown[] = [];
    const network: { up: boolean } = { up: false };
    let wake = Promise.withResolvers<void>();
    const request = async (data: { content: unknown; messageId: string }) => {
      while (!network.up) await wake.promise;
      sent.push(data.content);
      if (sent.length === 1) throw new Disconnected("the answer got lost");
      return { messageId: data.messageId, seq: sent.length };
    };
    const first = await openOutbox({ storage, request, onRefused: () => {} });
    const [one, two] = [first.send(message("one")), first.send(message("two"))];
    await turn();
    assert.deepEqual(
      first.pending().map(({ content }) => content),
      ["one", "two"],
    );
    network.up = true;
    wake.resolve();
    await Promise.all([one, two]);
    assert.deepEqual(sent, ["one", "one", "two"]);
    assert.deepEqual(await storage.list("outbox/"), []);
    network.up = false;
    wake = Promise.withResolvers<void>();
    void first.send(message("three")).catch(() => {});
    await turn();
    first.close();
    network.up = true;
    const second = await openOutbox({ storage, request, onRefused: () => {} });
    while (second.pending().length > 0) await turn();
    assert.equal(sent.at(-1), "three");
  });

  test("[CLI-28] a message that the server will never take is given back with its error, and the next one goes", async () => {
    const outbox = await openOutbox({
      storage: createMemory(),
      async request({ content, messageId }) {
        if (content === "bad") throw new CompanionError("SESSION_ENDED", "over");
        return { messageId, seq: 1 };
      },
      onRefused: () => {},
    });
    const bad = outbox.send({ sessionId, messageId: randomUUID(), content: "bad" });
    const good = outbox.send({ sessionId, messageId: randomUUID(), content: "good" });
    await assert.rejects(bad, { code: "SESSION_ENDED" });
    assert.equal((await good).seq, 1);
    assert.deepEqual(outbox.pending(), []);
  });

  test("[CLI-29] the first attempt is at once; later ones wait with jitter, never beyond their ceiling", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 40 }),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, isHidden, random) => {
          const ms = reconnectDelayMs({ attempt, isHidden, random });
          if (attempt === 0) return ms === 0;
          return ms >= 250 && ms <= (isHidden ? 300_000 : 30_000);
        },
      ),
    );
    assert.ok(reconnectDelayMs({ attempt: 20, isHidden: false, random: 1 }) === 30_000);
  });

  test("[CLI-30] a connection that died in silence is noticed by a probe, within its deadline", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    const { ws, closed } = fakeSocket();
    const socket = createSocket({ ws, onWelcome() {}, onEvent() {}, onClose: (code) => void closed.push(code) });
    const heard = (frame: object) => ws.onmessage?.({ data: JSON.stringify(frame) });
    heard({ type: "welcome", timestamp, data: { heartbeatSeconds: 20 } });
    const answer = socket.request("ping", {});
    socket.probe(1_500);
    context.mock.timers.tick(1_000);
    heard({ type: "pong", requestId: "probe", timestamp, data: { timestamp } });
    context.mock.timers.tick(1_000);
    assert.deepEqual(closed, [], "it answered");
    socket.probe(1_500);
    context.mock.timers.tick(1_500);
    assert.deepEqual(closed, [1006]);
    await assert.rejects(answer, Disconnected);
  });

  test("[CLI-31] silence is broken by a ping, and is the end of the connection after one and a half heartbeats", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    const { ws, sent, closed } = fakeSocket();
    createSocket({ ws, onWelcome() {}, onEvent() {}, onClose: (code) => void closed.push(code) });
    ws.onmessage?.({ data: JSON.stringify({ type: "welcome", timestamp, data: { heartbeatSeconds: 20 } }) });
    context.mock.timers.tick(20_000);
    assert.ok(sent.some((frame) => frame.includes("ping")));
    context.mock.timers.tick(20_000);
    assert.deepEqual(closed, [1006]);
  });

  test("[CLI-34] a network that swallows everything is given up, and tried again", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    let asked = 0;
    const silent = (_url: unknown, init: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        asked += 1;
        init.signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const companion = await connect({ url: "http://nowhere", token: "t", fetch: silent as never });
    await turn();
    assert.equal(asked, 1);
    context.mock.timers.tick(10_000);
    await turn();
    assert.equal(companion.state.name, "reconnecting");
    context.mock.timers.tick(0);
    await turn();
    assert.equal(asked, 2);
    companion.close();
  });

  test("[CLI-35] of two attempts at once only the newer one counts", async () => {
    const { companion, opened } = await connectFaked();
    for (let i = 0; i < 5; i++) await turn();
    opened[0]?.onclose?.({ code: 1006, reason: "" });
    while (opened.length < 2) await turn();
    companion.wake();
    while (opened.length < 3) await turn();
    assert.equal(opened[1]?.closed, true);
    opened[1]?.onmessage?.({ data: JSON.stringify({ type: "welcome", timestamp, data: { heartbeatSeconds: 20 } }) });
    assert.equal(companion.state.name, "reconnecting");
    opened[2]?.onmessage?.({ data: JSON.stringify({ type: "welcome", timestamp, data: { heartbeatSeconds: 20 } }) });
    assert.equal(companion.state.name, "connected");
    companion.close();
  });

  test("[CLI-36] what the server tells everybody reaches whoever asked for it", async () => {
    const { companion, opened } = await connectFaked();
    while (opened.length < 1) await turn();
    const [socket] = opened;
    socket?.onmessage?.({ data: JSON.stringify({ type: "welcome", timestamp, data: { heartbeatSeconds: 20 } }) });
    const told: string[] = [];
    const stop = companion.onTrouble(({ code, message }) => told.push(`${code} ${message}`));
    const data = { code: "STORAGE_FAILED", message: "the disk is full", retryable: true };
    socket?.onmessage?.({ data: JSON.stringify({ type: "error", timestamp, data }) });
    stop();
    socket?.onmessage?.({ data: JSON.stringify({ type: "error", timestamp, data }) });
    assert.deepEqual(told, ["STORAGE_FAILED the disk is full"]);
    companion.close();
  });

  test("[CLI-32] coming back into view, a page that was kept and a network that is there again wake it", () => {
    const listeners = new Map<string, () => void>();
    const on = {
      addEventListener: (type: string, listener: () => void) => void listeners.set(type, listener),
      removeEventListener: (type: string) => void listeners.delete(type),
    };
    const page = { ...on, document: { visibilityState: "hidden", ...on } };
    let woken = 0;
    const stop = onWake(() => (woken += 1), page);
    assert.equal(isHidden(page), true);
    listeners.get("visibilitychange")?.();
    assert.equal(woken, 0);
    page.document.visibilityState = "visible";
    for (const type of ["visibilitychange", "pageshow", "online", "focus"]) listeners.get(type)?.();
    assert.equal(woken, 4);
    stop();
    assert.equal(listeners.size, 0);
    // Node and React Native have none of these.
    onWake(() => {}, {})();
  });

  test("[CLI-33] ids are UUIDs wherever the client runs", () => {
    assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const original = crypto.randomUUID;
    try {
      Object.assign(crypto, { randomUUID: undefined });
      assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    } finally {
      Object.assign(crypto, { randomUUID: original });
    }
  });
});
