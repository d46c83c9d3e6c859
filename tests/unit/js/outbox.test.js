import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox, sendable } from "../../../chat/static/chat/outbox.js";
import { CommandError, Socket } from "../../../chat/static/chat/socket.js";
import { Shelf } from "../../../chat/static/chat/storage.js";
import { FakeServer } from "./server.js";
import { FakeClock, FakeStorage, FakeWebSocket, HELLO, settle } from "./surroundings.js";

/** A tab with its socket and its outbox; another one with the same storage is the page after a reload. */
function openTab(server, { storage = new FakeStorage(), clock = new FakeClock(), send = async () => assert.fail("by HTTP") } = {}) {
  const sockets = [];
  const actions = [];
  let hello = null;
  const connect = () => {
    sockets.push(new FakeWebSocket());
    return sockets.at(-1);
  };
  const listener = {
    onFrame(frame) {
      if (frame.type !== "hello") return;
      hello = frame;
      queueMicrotask(() => outbox.flush());
    },
    onLink() {},
    stillSignedIn: async () => true,
  };
  const socket = new Socket("", listener, { ...clock, now: clock.now, connect });
  const outbox = new Outbox(new Shelf(storage, "me."), {
    ...clock,
    now: clock.now,
    request: (command) => socket.request(command),
    send,
    limits: () => hello?.limits ?? null,
    dispatch: (action) => actions.push(action),
  });
  /** Bring the newest connection up and answer until nothing more is asked. */
  const serve = async () => {
    for (let round = 0; round < 60; round++) {
      do await clock.pass(1_000);
      while (!socket.socket);
      const current = sockets.at(-1);
      if (current && !current.closed && !socket.ready) server.greet(current);
      await settle();
      if (current) server.attend(current);
      await settle();
    }
  };
  const of = (type) => actions.filter((action) => action.type === type);
  return { socket, sockets, outbox, actions, of, serve, storage, clock };
}

const entry = (client_id, more = {}) => ({ client_id, key: "chat-a", chat: "chat-a", text: `Text of ${client_id}`, agent: null, ...more });

test("what is sent offline goes out once, when there is a connection", async () => {
  const server = new FakeServer();
  const tab = openTab(server);
  tab.outbox.add(entry("one"));
  await tab.clock.pass(60_000);
  assert.equal(tab.of("sent").length, 0);
  tab.socket.connect();
  await tab.serve();
  assert.deepEqual([...server.posted.keys()], ["one"]);
  assert.equal(tab.of("sent").length, 1);
  assert.deepEqual(Object.keys(tab.storage), [], "and nothing is kept any longer");
});

for (const moods of [["lose"], ["mute"], ["twice"], ["lose", "mute", "lose", "mute", "twice"]]) {
  test(`with a server that does ${moods.join(", ")}, a message and its new chat are made exactly once`, async () => {
    const server = new FakeServer();
    server.moods = [...moods, ...moods];
    const tab = openTab(server);
    tab.socket.connect();
    tab.outbox.add(entry("one", { key: "new:one", chat: null }));
    await tab.serve();
    assert.equal(server.chats.size, 1);
    assert.equal(server.posted.size, 1);
    assert.equal(server.posted.get("one").chat, "chat-1");
    assert.equal(tab.of("made").length, 1);
    assert.equal(tab.of("sent").length, 1);
  });
}

test("a reload in between sends the rest, once", async () => {
  const server = new FakeServer();
  server.moods = [undefined, "mute"]; // the chat is made; the message is posted, and its ack lost
  const before = openTab(server);
  before.socket.connect();
  before.outbox.add(entry("one", { key: "new:one", chat: null }));
  server.greet(before.sockets[0]);
  for (let round = 0; round < 5; round++) {
    await before.clock.pass(1_000);
    server.attend(before.sockets[0]);
  }
  assert.equal(server.posted.size, 1);

  const after = openTab(server, { storage: before.storage });
  after.outbox.load();
  assert.deepEqual(after.of("pending").map(({ pending }) => [pending.chat, pending.status]), [["chat-1", "waiting"]]);
  after.socket.connect();
  await after.serve();
  assert.equal(server.posted.size, 1);
  assert.equal(server.chats.size, 1);
  assert.deepEqual(Object.keys(after.storage), []);
});

for (const code of ["draining", "unavailable", "too_many_requests"]) {
  test(`'${code}' is tried again, not before the time the server named`, async () => {
    const server = new FakeServer();
    server.moods = [{ code, message: "Later.", retry_after: 5 }];
    const tab = openTab(server);
    tab.socket.connect();
    server.greet(tab.sockets[0]);
    tab.outbox.add(entry("one"));
    await settle();
    server.attend(tab.sockets[0]);
    await tab.clock.pass(4_999);
    server.attend(tab.sockets[0]);
    assert.equal(server.posted.size, 0);
    await tab.clock.pass(5_000);
    await tab.serve();
    assert.equal(server.posted.size, 1);
    assert.equal(tab.of("failed").length, 0);
  });
}

test("a final refusal keeps the text, over a reload too, until it is tried again or taken back", async () => {
  const server = new FakeServer();
  server.moods = [{ code: "chat_busy", message: "Wait for the reply." }];
  const tab = openTab(server);
  tab.socket.connect();
  server.greet(tab.sockets[0]);
  tab.outbox.add(entry("one"));
  await tab.serve();
  assert.deepEqual(tab.of("failed"), [{ type: "failed", client_id: "one", error: { code: "chat_busy", message: "Wait for the reply." } }]);

  const after = openTab(server, { storage: tab.storage });
  after.outbox.load();
  assert.equal(after.of("pending")[0].pending.status, "failed");
  after.socket.connect();
  await after.serve();
  assert.equal(server.posted.size, 0, "it is not sent again by itself");
  after.outbox.retry("one");
  await after.serve();
  assert.equal(server.posted.size, 1);

  server.moods = [{ code: "chat_busy", message: "Wait." }];
  after.outbox.add(entry("two"));
  await after.serve();
  assert.equal(after.outbox.discard("two"), "Text of two");
  assert.deepEqual(Object.keys(after.storage), []);
});

test("two tabs that hold the same entry post it once", async () => {
  const server = new FakeServer();
  const storage = new FakeStorage();
  const one = openTab(server, { storage });
  one.outbox.add(entry("one"));
  const two = openTab(server, { storage });
  two.outbox.load();
  for (const tab of [one, two]) {
    tab.socket.connect();
    await tab.serve();
    assert.equal(tab.of("sent").length, 1);
  }
  assert.equal(server.posted.size, 1);
});

test("long texts, and those whose escapes fill a frame, go by HTTP with the same client_id, again until it answers", async () => {
  const server = new FakeServer();
  const sent = [];
  const send = async (chat, body) => {
    sent.push([chat, body.client_id]);
    if (sent.length === 1) throw new CommandError("disconnected", "No network.");
    return { message: "m", reply: "r", run: "n" };
  };
  const tab = openTab(server, { send });
  tab.socket.connect();
  server.greet(tab.sockets[0]);
  tab.outbox.add(entry("long", { text: "é".repeat(HELLO.limits.text / 2 + 1) }));
  tab.outbox.add(entry("escaped", { text: "\u0001".repeat(12_000) }));
  tab.outbox.add(entry("short", { text: "é".repeat(HELLO.limits.text / 2) }));
  await tab.serve();
  await tab.clock.pass(30_000);
  assert.deepEqual(sent.map(([, id]) => id), ["long", "escaped", "long"]);
  assert.deepEqual([...server.posted.keys()], ["short"]);
  assert.equal(tab.of("sent").length, 3);
});

test("a browser that keeps nothing still sends", async () => {
  const server = new FakeServer();
  const storage = new FakeStorage();
  storage.setItem = () => {
    throw new Error("quota");
  };
  const tab = openTab(server, { storage });
  tab.outbox.add(entry("one"));
  tab.socket.connect();
  await tab.serve();
  assert.equal(server.posted.size, 1);
});

test("what no database holds is not sent: NUL goes, half a surrogate pair becomes U+FFFD", () => {
  assert.equal(sendable("a\0b\ud800c\udc00 👍"), "ab\ufffdc\ufffd 👍");
});

test("an edit, another reply and a continuation are asked for as messages are: kept, once, by their own command", async () => {
  const server = new FakeServer();
  const tab = openTab(server);
  tab.outbox.add(entry("e", { act: "edit", message: "m-7", text: "Better words" }));
  tab.outbox.add(entry("r", { act: "retry", message: "m-8", text: "" }));
  tab.outbox.add(entry("c", { act: "continue", message: "m-8", text: "" }));
  assert.deepEqual(tab.of("pending").map(({ pending }) => [pending.act, pending.message]), [["edit", "m-7"], ["retry", "m-8"], ["continue", "m-8"]]);
  tab.socket.connect();
  await tab.serve();
  const asked = tab.sockets[0].sent.filter((command) => command.type.startsWith("message."));
  assert.deepEqual(
    asked.map(({ id, ...command }) => command),
    [
      { type: "message.edit", chat: "chat-a", message: "m-7", text: "Better words", client_id: "e" },
      { type: "message.retry", chat: "chat-a", message: "m-8", client_id: "r" },
      { type: "message.continue", chat: "chat-a", message: "m-8", client_id: "c" },
    ],
  );
});

test("a long edit goes by HTTP to the message that it edits", async () => {
  const server = new FakeServer();
  const places = [];
  const send = async (chat, body, at) => (places.push([chat, at, Object.keys(body)]), { message: "m", reply: "r", run: "n" });
  const tab = openTab(server, { send });
  tab.socket.connect();
  await tab.serve();
  tab.outbox.add(entry("e", { act: "edit", message: "m-7", text: "x".repeat(60_000) }));
  await settle();
  assert.deepEqual(places, [["chat-a", "/m-7/edit", ["text", "client_id"]]]);
});

test("what a tab left behind when it died is sent by another one, without a reload", async () => {
  const server = new FakeServer();
  const storage = new FakeStorage();
  const clock = new FakeClock();
  const dead = openTab(server, { storage, clock });
  const other = openTab(server, { storage, clock });
  dead.outbox.add(entry("left", { chat: null, key: "new:left" }));
  other.outbox.adopt();
  assert.deepEqual(other.of("pending"), [], "the tab that has just written it may well be alive");
  await clock.pass(10_000);
  other.socket.connect();
  other.outbox.adopt();
  await other.serve();
  assert.deepEqual([...server.posted.keys()], ["left"]);
  assert.equal(other.outbox.shelf.names().length, 0);
});

test("what another tab has got out is waited for no longer", () => {
  const tab = openTab(new FakeServer());
  tab.outbox.add(entry("one"));
  tab.outbox.underWay.clear();
  tab.outbox.forget("one");
  tab.outbox.forget("never known");
  assert.deepEqual(tab.of("discard").map(({ client_id }) => client_id), ["one"]);
});
