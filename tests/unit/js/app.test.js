import assert from "node:assert/strict";
import { test } from "node:test";
import { App } from "../../../chat/static/chat/app.js";
import { Outbox } from "../../../chat/static/chat/outbox.js";
import { CommandError, Socket } from "../../../chat/static/chat/socket.js";
import { Store } from "../../../chat/static/chat/state.js";
import { Shelf } from "../../../chat/static/chat/storage.js";
import { FakeClock, FakeStorage, FakeWebSocket, HELLO, settle } from "./surroundings.js";
import { fixtures, shown } from "./wire.js";

const fixture = (name) => fixtures.find((one) => one.name === `${name}.json`);
const [CHAT] = fixture("stream").follows;

function openPage(path = `/c/${CHAT}`, answers = {}, held = () => false) {
  const clock = new FakeClock();
  const sockets = [];
  const store = new Store(() => {}); // nothing is ever drawn, as in a background tab
  const connect = () => {
    sockets.push(new FakeWebSocket());
    return sockets.at(-1);
  };
  const listener = {
    onFrame: (frame) => store.dispatch({ type: "frame", frame }),
    onLink: (link) => store.dispatch({ type: "link", link }),
    stillSignedIn: async () => true,
  };
  const socket = new Socket("", listener, { ...clock, now: clock.now, connect });
  const storage = new FakeStorage();
  const outbox = new Outbox(new Shelf(storage, "outbox."), {
    ...clock,
    now: clock.now,
    request: (command) => socket.request(command),
    send: async () => assert.fail(),
    limits: () => HELLO.limits,
    dispatch: (action) => store.dispatch(action),
  });
  const api = { chats: async () => ({ chats: [], next: null }), ...answers };
  let ids = 0;
  const app = new App({ ...clock, store, socket, api, outbox, drafts: new Shelf(storage, "draft."), layout: new Shelf(storage, "layout."), browser: {}, inView: () => store.state.panes.keys, held, newId: () => `id-${++ids}`, now: clock.now });
  app.start(path);
  const last = () => sockets.at(-1);
  /** Say hello and acknowledge the openings. */
  const greet = async () => {
    last().say(HELLO);
    await settle();
    for (const { id } of last().commands("chat.open")) last().say({ type: "ack", id });
  };
  return { app, clock, store, sockets, last, greet, storage, socket };
}

const open = (command) => ({ version: command.version, runs: command.runs });

test("the chats of the address are opened as soon as the server says hello", async () => {
  const page = openPage();
  await page.greet();
  assert.deepEqual(page.last().commands("chat.open").map(open), [{ version: undefined, runs: undefined }]);
});

test("a connection cut at any frame asks for just what is missing, and ends in the same state", async () => {
  for (const name of ["stream", "reasoning-and-tools", "failed", "stopped"]) {
    const { frames, state } = fixture(name);
    for (let cut = 1; cut < frames.length; cut++) {
      const page = openPage();
      await page.greet();
      page.last().say(...frames.slice(0, cut));
      page.last().end(1006);
      await page.clock.pass(1_000);
      await page.greet();
      const [command] = page.last().commands("chat.open");
      const before = frames.slice(0, cut);
      const events = before.filter((frame) => frame.type === "run.events").at(-1)?.seq ?? 0;
      const ended = before.some((frame) => /RUN_FINISHED|RUN_ERROR/.test(JSON.stringify(frame)) || frame.version === 3);
      assert.equal(command.version, before.filter((frame) => frame.version).at(-1).version, `${name} cut at ${cut}`);
      assert.deepEqual(Object.values(command.runs), cut > 1 && !ended ? [events] : []);
      page.last().say(...frames.slice(cut));
      assert.deepEqual(shown(page.store.state), state, `${name} cut at ${cut}`);
    }
  }
});

test("a gap makes the chat be opened again from its cursors, once", async () => {
  const page = openPage();
  await page.greet();
  const { frames } = fixture("gap-in-events");
  page.last().say(...frames, frames.at(-1), frames.at(-1));
  const opened = page.last().commands("chat.open");
  assert.equal(opened.length, 2);
  assert.deepEqual(open(opened[1]), { version: 2, runs: { [frames[2].run]: 3 } });
});

test("what cannot be had from the cursors is asked for afresh", async () => {
  const page = openPage();
  await page.greet();
  page.last().say(...fixture("ended-behind-the-cursor").frames);
  assert.deepEqual(open(page.last().commands("chat.open").at(-1)), { version: undefined, runs: undefined });
});

test("a server that is wrong about a chat again and again is asked once a second, not for ever at once", async () => {
  const page = openPage();
  await page.greet();
  const { frames } = fixture("gap-in-versions");
  page.last().say(...frames);
  for (let step = 0; step < 40; step++) {
    for (const { id } of page.last().commands("chat.open")) page.last().say({ type: "ack", id });
    page.last().say(frames[1]);
    await page.clock.pass(100);
  }
  assert.ok(page.last().commands("chat.open").length <= 7);
});

test("looking at the page after a silence finds out whether the connection still lives", async () => {
  const page = openPage();
  await page.greet();
  page.last().say(fixture("stream").frames[0]);
  page.app.following.wake();
  assert.equal(page.last().commands("chat.close").length, 0, "it has just been heard");
  await page.clock.pass(60_000);
  page.app.following.wake();
  const [asked] = page.last().commands("chat.close");
  page.last().say({ type: "ack", id: asked.id });
  await page.clock.pass(60_000);
  assert.equal(page.sockets.length, 1, "it lives");
  assert.equal(page.last().commands("chat.open").length, 1);
  page.app.following.wake();
  await page.clock.pass(20_000);
  assert.ok(page.sockets[0].closed);
  assert.equal(page.sockets.length, 2);
});

test("a pane that is closed closes its chat, and opening it again resumes from what is known", async () => {
  const page = openPage();
  await page.greet();
  page.last().say(fixture("stream").frames[0]);
  page.app.show("new");
  assert.deepEqual(page.last().commands("chat.close").map(({ chat }) => chat), [CHAT]);
  page.app.show(CHAT);
  assert.deepEqual(open(page.last().commands("chat.open").at(-1)), { version: 1, runs: {} });
});

test("the first message of a new pane makes the chat, and what was typed meanwhile follows it", async () => {
  const page = openPage("/");
  await page.greet();
  page.app.send("new", "Hello", null);
  const pane = page.store.state.panes.keys[0];
  page.app.drafts.set(pane, "next thought");
  const [create] = page.last().commands("chat.create");
  page.last().say({ type: "ack", id: create.id, chat: { ...fixture("stream").frames[0].chat, id: CHAT } });
  await settle();
  assert.deepEqual(page.store.state.panes.keys, [CHAT]);
  assert.equal(page.app.drafts.get(CHAT), "next thought");
  assert.equal(page.last().commands("chat.open").at(-1).chat, CHAT);
  assert.equal(page.last().commands("message.send")[0].text, "Hello");
});

test("what is typed between the making of a chat and the next drawing is there when it is drawn", async () => {
  const page = openPage("/");
  await page.greet();
  page.app.send("new", "first", null);
  const [pane] = page.store.state.panes.keys;
  page.app.keepDraft(pane, "nex");
  const [create] = page.last().commands("chat.create");
  page.last().say({ type: "ack", id: create.id, chat: { ...fixture("stream").frames[0].chat, id: CHAT } });
  await settle();
  page.app.keepDraft(pane, "next");
  assert.equal(page.app.drafts.get(CHAT), "next");
  assert.equal(page.app.drafts.get(pane), null);
  page.app.keepDraft(pane, "");
  assert.equal(page.app.drafts.get(CHAT), null);
});

test("sending takes the draft away only once the outbox has the text", async () => {
  const page = openPage();
  page.app.drafts.set(CHAT, "Hello");
  const kept = [];
  page.app.drafts.delete = (name) => kept.push([name, Object.keys(page.storage).some((key) => key.startsWith("outbox."))]);
  page.app.send(CHAT, "Hello", null);
  assert.deepEqual(kept, [[CHAT, true]]);
});

test("sending leaves the draft that another tab has written in the same chat", async () => {
  const page = openPage();
  page.app.drafts.set(CHAT, "Hello, and much more");
  page.app.send(CHAT, "Hello", null);
  assert.equal(page.app.drafts.get(CHAT), "Hello, and much more");
});

test("a deleted chat leaves its pane and can be had back", async () => {
  const restored = [];
  const chat = fixture("stream").frames[0].chat;
  const page = openPage(`/c/${CHAT}`, { deleteChat: async () => null, restoreChat: async (id) => (restored.push(id), { ...chat, version: 9 }) });
  page.store.dispatch({ type: "chat", chat });
  await page.app.remove(CHAT);
  assert.deepEqual(page.store.state.panes.keys, ["new"]);
  assert.equal(page.store.state.toasts[0].undo.chat, CHAT);
  await page.app.restore(CHAT);
  assert.deepEqual(restored, [CHAT]);
  assert.deepEqual(page.store.state.toasts, []);
  assert.ok(page.store.state.chats[CHAT]);
});

test("what can be undone can be for half a minute, and for as long as somebody is at it", async () => {
  let held = true;
  const page = openPage("/", { deleteChat: async () => null }, () => held);
  await page.app.remove(CHAT);
  await page.clock.pass(60_000);
  assert.equal(page.store.state.toasts.length, 1);
  held = false;
  await page.clock.pass(10_000);
  assert.deepEqual(page.store.state.toasts, []);
  await page.app.remove(CHAT);
  await page.clock.pass(29_000);
  assert.equal(page.store.state.toasts.length, 1);
  await page.clock.pass(1_000);
  assert.deepEqual(page.store.state.toasts, []);
});

test("a refused message that was discarded can be had back as it was, and is sent under the same name", async () => {
  const page = openPage();
  await page.greet();
  page.app.send(CHAT, "Hello", null);
  const [{ id, client_id }] = page.last().commands("message.send");
  page.last().say({ type: "error", id, code: "chat_busy", message: "Wait." });
  await settle();
  page.app.discard(client_id);
  assert.deepEqual(page.store.state.pending, {});
  page.app.undo(page.store.state.toasts[0].undo);
  assert.deepEqual(page.store.state.toasts, []);
  assert.equal(page.store.state.pending[client_id].error.message, "Wait.");
  page.app.outbox.retry(client_id);
  assert.deepEqual(page.last().commands("message.send").map((command) => command.client_id), [client_id, client_id]);
});

test("what fails says why, in the server's words", async () => {
  const changeChat = async () => {
    throw new CommandError("unavailable", "The database does not answer just now.");
  };
  const page = openPage("/", { changeChat });
  await page.app.change(CHAT, { title: "x" });
  assert.equal(page.store.state.toasts[0].text, "The database does not answer just now.");
  await page.clock.pass(10_000);
  assert.deepEqual(page.store.state.toasts, []);
});

test("stop goes by HTTP while there is no socket", async () => {
  const stopped = [];
  const page = openPage(`/c/${CHAT}`, { stop: async (run) => stopped.push(run) });
  await page.greet();
  page.last().say(...fixture("stream-live").frames);
  page.socket.goOffline();
  assert.equal(await page.app.stop(CHAT), true);
  assert.deepEqual(stopped, [fixture("stream-live").frames[2].run]);
});

test("older messages are asked for by the position of the first that is known", async () => {
  const asked = [];
  const messages = async (chat, before) => {
    asked.push([chat, before]);
    return { messages: [], earlier: false };
  };
  const page = openPage(`/c/${CHAT}`, { messages });
  await page.greet();
  page.last().say(fixture("older-page").frames[0]);
  await Promise.all([page.app.loadEarlier(CHAT), page.app.loadEarlier(CHAT)]);
  assert.deepEqual(asked, [[CHAT, 7]]);
  assert.equal(page.store.state.open[CHAT].earlier, false);
});

test("the answer to an older question about the list does not undo that to a newer one", async () => {
  const answers = [];
  const chats = ({ pinned }) => (pinned ? { chats: [], next: null } : new Promise((resolve) => answers.push(resolve)));
  const page = openPage("/", { chats });
  const chat = (id) => ({ ...fixture("stream").frames[0].chat, id });
  await page.greet();
  page.last().end(1006);
  await page.clock.pass(1_000);
  await page.greet();
  answers[1]({ chats: [chat("new")], next: null });
  await settle();
  answers[0]({ chats: [chat("old")], next: 5 });
  await settle();
  assert.deepEqual(Object.keys(page.store.state.chats), ["new"]);
  assert.equal(page.store.state.lists.active.next, null);
});

test("a chat that streams is followed to the end of its reply after its pane is gone, and again after a cut", async () => {
  const page = openPage();
  await page.greet();
  const { frames } = fixture("stream-live");
  page.last().say(...frames);
  page.app.show("new");
  assert.equal(page.last().commands("chat.close").length, 0);
  page.last().end(1006);
  await page.clock.pass(1_000);
  await page.greet();
  assert.equal(page.last().commands("chat.open")[0].chat, CHAT);
  const { run, seq } = Object.values(page.store.state.open[CHAT].runs)[0];
  page.last().say({ type: "run.events", chat: CHAT, run, after: seq, seq: seq + 1, events: [{ type: "RUN_FINISHED", threadId: CHAT, runId: run }] });
  assert.deepEqual(page.last().commands("chat.close").map(({ chat }) => chat), [CHAT]);
});

test("the first page of the list brings what is pinned with it, however old", async () => {
  const chat = (id, more) => ({ ...fixture("stream").frames[0].chat, id, ...more });
  const chats = async ({ pinned }) => ({ chats: pinned ? [chat("old", { pinned: true })] : [chat("new")], next: null });
  const page = openPage("/", { chats });
  await page.greet();
  await settle();
  assert.deepEqual(Object.keys(page.store.state.chats).sort(), ["new", "old"]);
});

test("a branch is chosen over the socket, and by HTTP where there is none", async () => {
  const chosen = [];
  const page = openPage(`/c/${CHAT}`, { choose: async (...ids) => chosen.push(ids) });
  await page.greet();
  const done = page.app.replies.choose(CHAT, "m-1");
  const [{ id, ...command }] = page.last().commands("message.choose");
  assert.deepEqual(command, { type: "message.choose", chat: CHAT, message: "m-1" });
  page.last().say({ type: "ack", id });
  assert.equal(await done, true);
  page.socket.goOffline();
  await page.app.replies.choose(CHAT, "m-2");
  assert.deepEqual(chosen, [[CHAT, "m-2"]]);
});

test("what is refused in a chat that is not in view is said, until the chat is", async () => {
  const page = openPage();
  await page.greet();
  page.last().say(fixture("stream").frames[0]);
  const refuse = async () => {
    page.last().say({ type: "error", id: page.last().commands("message.send").at(-1).id, code: "chat_busy", message: "Wait." });
    await settle();
  };
  page.app.send(CHAT, "One", null);
  await refuse();
  assert.deepEqual(page.store.state.toasts, []);
  page.app.send(CHAT, "Two", null);
  page.app.show("new");
  await refuse();
  await page.clock.pass(60_000);
  const [{ text, show }] = page.store.state.toasts;
  assert.equal(text, "In “Tides” something could not be sent.");
  page.app.show(show);
  assert.deepEqual(page.store.state.toasts, []);
});

test("an edit that was refused and is given up leaves its text for the next try", async () => {
  const page = openPage();
  await page.greet();
  page.last().say(fixture("stream").frames[0]);
  const message = { id: "m-1", chat: CHAT };
  page.app.replies.keep(message, "Better");
  page.app.replies.edit(message, "Better");
  assert.equal(page.app.replies.draft(message), null);
  const [{ id }] = page.last().commands("message.edit");
  page.last().say({ type: "error", id, code: "chat_busy", message: "Wait." });
  await settle();
  const [pending] = Object.values(page.store.state.pending);
  assert.equal(pending.status, "failed");
  page.app.replies.discard(pending);
  assert.equal(page.app.replies.draft(message), "Better");
  assert.deepEqual(page.store.state.pending, {});
});

test("a long message is edited only once all of it is there", async () => {
  const [shot] = fixture("retried").frames;
  const [own] = shot.messages;
  let whole = null;
  const message = async () => {
    if (!whole) throw new CommandError("unavailable", "Not now.");
    return whole;
  };
  const page = openPage(`/c/${CHAT}`, { message });
  await page.greet();
  page.last().say({ ...shot, messages: [{ ...own, author: HELLO.user.id, clipped: true }] });
  assert.equal(page.app.editLast(CHAT), true);
  await settle();
  assert.equal(page.store.state.ui.editing, null);
  assert.equal(page.store.state.toasts[0].text, "Not now.");
  whole = { ...own, author: HELLO.user.id, parts: [{ type: "text", id: "p", text: "All of it." }] };
  await page.app.edit(page.store.state.open[CHAT].messages[own.id]);
  assert.equal(page.store.state.ui.editing, own.id);
  assert.equal(page.store.state.open[CHAT].messages[own.id].parts[0].text, "All of it.");
});

test("a selection is quoted into its chat's composer, once", async () => {
  const page = openPage();
  const added = [];
  page.app.composers.set(CHAT, { add: (text) => added.push(text) });
  page.app.selected = { chat: CHAT, text: "one\ntwo" };
  page.app.quoteSelection();
  page.app.quoteSelection();
  assert.deepEqual(added, ["> one\n> two\n\n"]);
});
