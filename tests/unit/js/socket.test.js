import assert from "node:assert/strict";
import { test } from "node:test";
import { Socket } from "../../../chat/static/chat/socket.js";
import { FakeClock, FakeWebSocket, HELLO } from "./surroundings.js";

function start({ stillSignedIn = async () => true } = {}) {
  const clock = new FakeClock();
  const sockets = [];
  const links = [];
  const frames = [];
  const connect = () => {
    sockets.push(new FakeWebSocket());
    return sockets.at(-1);
  };
  const listener = { onFrame: (frame) => frames.push(frame), onLink: (link) => links.push(link), stillSignedIn };
  const socket = new Socket("ws://here/ws/", listener, { ...clock, now: clock.now, connect });
  socket.connect();
  return { clock, sockets, links, frames, socket, last: () => sockets.at(-1), status: () => links.at(-1).status };
}

test("hello makes the connection usable, and answers find their commands in any order", async () => {
  const { socket, last, status } = start();
  await assert.rejects(socket.request({ type: "chat.close" }), { code: "disconnected" });
  last().say(HELLO);
  assert.equal(status(), "online");
  const first = socket.request({ type: "chat.close", chat: "a" });
  const second = socket.request({ type: "chat.close", chat: "b" });
  const [one, two] = last().commands("chat.close");
  last().say({ type: "error", id: two.id, code: "chat_busy", message: "Wait.", retry_after: 2 }, { type: "ack", id: one.id });
  assert.equal((await first).id, one.id);
  await assert.rejects(second, { code: "chat_busy", message: "Wait.", retryAfter: 2 });
});

test("another protocol number stops the page for a reload, for good", async () => {
  const { last, links, sockets, clock, socket } = start();
  last().say({ ...HELLO, protocol: 2 });
  assert.deepEqual(links.at(-1), { status: "stopped", retryAt: 0, reason: "reload" });
  await clock.pass(1e6);
  socket.connect();
  assert.equal(sockets.length, 1);
});

test("an answer that comes twice, or for nobody, is ignored", async () => {
  const { socket, last } = start();
  last().say(HELLO);
  const asked = socket.request({ type: "chat.close" });
  const { id } = last().commands("chat.close")[0];
  last().say({ type: "ack", id }, { type: "ack", id }, { type: "error", id, code: "x", message: "x" }, { type: "ack", id: "stranger" });
  assert.equal((await asked).id, id);
});

test("frames are confirmed after a quarter of a second, hello included", async () => {
  const { last, clock } = start();
  last().say(HELLO, { type: "x" });
  assert.deepEqual(last().commands("received"), []);
  await clock.pass(250);
  assert.deepEqual(last().commands("received"), [{ type: "received", count: 2 }]);
  await clock.pass(10_000);
  assert.equal(last().commands("received").length, 1, "and not again without new frames");
});

test("frames are confirmed at least every 64 KiB without any timer, as in a background tab", () => {
  const { last } = start();
  last().say(HELLO);
  // Three bytes of UTF-8 in one character: the most there is.
  const frame = { type: "x", text: "あ".repeat(1000) };
  for (let count = 0; count < 200; count++) last().say(frame);
  const counts = [0, ...last().commands("received").map(({ count }) => count)];
  const bytes = Buffer.byteLength(JSON.stringify(frame));
  for (let index = 1; index < counts.length; index++) assert.ok((counts[index] - counts[index - 1]) * bytes <= 65536);
  assert.ok((201 - counts.at(-1)) * bytes <= 65536);
});

test("after a break it comes back, waiting longer each time, and what was asked is refused as disconnected", async () => {
  const { socket, last, sockets, clock, links } = start();
  last().say(HELLO);
  const asked = socket.request({ type: "chat.close" });
  last().end(1006);
  await assert.rejects(asked, { code: "disconnected" });
  const delays = [];
  for (let attempt = 0; attempt < 10; attempt++) {
    delays.push(links.at(-1).retryAt - clock.time);
    await clock.pass(delays.at(-1));
    last().end(1006);
  }
  assert.equal(sockets.length, 11);
  assert.deepEqual(delays.slice(0, 4), [250, 500, 1000, 2000], "half of the whole, since random is a half");
  assert.equal(delays.at(-1), 15_000);
});

test("a connection that held makes the next wait short again, one that did not does not", async () => {
  const { last, clock, links } = start();
  for (let attempt = 0; attempt < 5; attempt++) {
    last().say(HELLO);
    last().end(4503);
    await clock.pass(links.at(-1).retryAt - clock.time);
  }
  last().say(HELLO);
  await clock.pass(5_000);
  last().end(4503);
  assert.equal(links.at(-1).retryAt - clock.time, 250);
});

for (const code of [1000, 1006, 1011, 4408, 4429, 4503, 4999]) {
  test(`close code ${code} is followed by another try`, async () => {
    const { last, sockets, clock } = start();
    last().say(HELLO);
    last().end(code);
    await clock.pass(60_000);
    assert.ok(sockets.length > 1);
  });
}

for (const [code, reason] of [[4400, "reload"], [4403, "forbidden"]]) {
  test(`close code ${code} is the end: ${reason}`, async () => {
    const { last, sockets, clock, links } = start();
    last().end(code);
    await clock.pass(1e6);
    assert.equal(links.at(-1).reason, reason);
    assert.equal(sockets.length, 1);
  });
}

test("4401 asks once who we are: if still signed in it connects again, else it stops", async () => {
  const still = start();
  still.last().end(4401);
  await still.clock.pass(1000);
  assert.equal(still.sockets.length, 2);

  const out = start({ stillSignedIn: async () => false });
  out.last().end(4401);
  await out.clock.pass(1e6);
  assert.equal(out.links.at(-1).reason, "signed_out");
  assert.equal(out.sockets.length, 1);
});

test("a connection that was made while who we are was asked is the one that counts", async () => {
  let answer = () => {};
  const { socket, last, sockets, clock, status } = start({ stillSignedIn: () => new Promise((resolve) => (answer = () => resolve(true))) });
  last().end(4401);
  socket.connect();
  last().say(HELLO);
  answer();
  await clock.pass(60_000);
  assert.equal(status(), "online");
  assert.equal(sockets.length, 2);
});

test("4401 twice without a hello between stops, so that nobody is asked for ever", async () => {
  const { last, sockets, clock, links } = start();
  last().end(4401);
  await clock.pass(1000);
  last().end(4401);
  await clock.pass(1e6);
  assert.equal(sockets.length, 2);
  assert.equal(links.at(-1).reason, "signed_out");
});

test("4401 when nobody can be asked is a break like any other", async () => {
  const { last, sockets, clock } = start({ stillSignedIn: () => Promise.reject(new Error("no network")) });
  last().end(4401);
  await clock.pass(60_000);
  assert.ok(sockets.length > 1);
});

test("offline it does not try; online it does so at once", async () => {
  const { last, sockets, clock, socket, status } = start();
  last().say(HELLO);
  socket.goOffline();
  assert.equal(status(), "offline");
  assert.ok(sockets[0].closed);
  await clock.pass(1e6);
  assert.equal(sockets.length, 1);
  socket.connect();
  assert.equal(sockets.length, 2);
});

test("'try now' does not wait, and makes no second connection", async () => {
  const { last, sockets, clock, socket } = start();
  last().end(1006);
  socket.connect();
  socket.connect();
  await clock.pass(10_000);
  assert.equal(sockets.length, 2);
});

test("a connection that says nothing, and one that leaves a command unanswered, are given up", async () => {
  const { sockets, clock, socket, last } = start();
  await clock.pass(16_000);
  assert.ok(sockets[0].closed);
  assert.equal(sockets.length, 2);
  last().say(HELLO);
  const asked = assert.rejects(socket.request({ type: "chat.close" }), { code: "disconnected" });
  await clock.pass(16_000);
  await asked;
  assert.equal(sockets.length, 3);
});

test("other frames while an answer is due show that the connection lives", async () => {
  const { sockets, clock, socket, last } = start();
  last().say(HELLO);
  const asked = socket.request({ type: "chat.close" });
  for (let count = 0; count < 6; count++) {
    await clock.pass(10_000);
    last().say({ type: "x" });
  }
  last().say({ type: "ack", id: last().commands("chat.close")[0].id });
  await asked;
  assert.equal(sockets.length, 1);
});

test("what an old connection still says is not heard", () => {
  const { sockets, socket, frames } = start();
  socket.goOffline();
  socket.connect();
  const heard = frames.length;
  sockets[0].say(HELLO);
  sockets[0].end(4400);
  assert.equal(frames.length, heard);
  assert.equal(socket.stopped, false);
});
