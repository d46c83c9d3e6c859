import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, fileName, quoted, textOf, toJson, toMarkdown } from "../../../chat/static/chat/export.js";

const text = (words) => [{ type: "text", id: "p", text: words }];
const chat = { id: "c", title: "Tides & waves" };
const messages = [
  { id: "m1", position: 1, role: "user", status: "complete", parts: text("Why?") },
  { id: "m2", position: 2, role: "assistant", status: "stopped", parts: [{ type: "reasoning", id: "r", text: "Hm." }, ...text("Because **of**")] },
];

test("a chat becomes Markdown as it was written, and says where a reply was cut", () => {
  assert.equal(toMarkdown(chat, messages), "# Tides & waves\n\n## You\n\nWhy?\n\n## Reply\n\nBecause **of**\n\n*Stopped here.*\n");
});

test("as JSON nothing of it is left out", () => {
  assert.deepEqual(JSON.parse(toJson(chat, messages)), { chat, messages });
});

test("a reply's text is its text parts, without thoughts and tools", () => {
  assert.equal(textOf(messages[1].parts), "Because **of**");
});

test("files are called by what the chat is called, in any script, as any file system takes it", () => {
  assert.equal(fileName("Tides & waves / 2", "md"), "Tides-waves-2.md");
  assert.equal(fileName("밀물과 썰물", "json"), "밀물과-썰물.json");
  assert.equal(fileName("???", "md"), "chat.md");
  assert.ok(fileName("x".repeat(500), "md").length < 70);
});

test("a quotation marks every line", () => {
  assert.equal(quoted("  one\n\ntwo\n"), "> one\n>\n> two");
});

test("all pages are fetched, newest first, each message whole, and the progress is told", async () => {
  const pages = { null: [[3, 4], true], 3: [[1, 2], false] };
  const api = {
    messages: async (_chat, before) => {
      const [positions, earlier] = pages[before];
      return { earlier, messages: positions.map((position) => ({ id: `m${position}`, position, clipped: position === 2, parts: [] })) };
    },
    message: async (_chat, id) => ({ id, position: 2, parts: text("whole") }),
  };
  const progress = [];
  const all = await collect(api, "c", (count) => progress.push(count));
  assert.deepEqual(all.map(({ position }) => position), [1, 2, 3, 4]);
  assert.deepEqual(all[1].parts, text("whole"));
  assert.deepEqual(progress, [2, 4]);
});
