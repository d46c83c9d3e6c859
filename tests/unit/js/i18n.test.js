import assert from "node:assert/strict";
import { test } from "node:test";

const words = {
  "Deleted “{title}”.": ["“{title}” 삭제됨"],
  "It said nothing for {seconds} seconds. Ask again.": ["Cisza przez {seconds} s."],
  "It refused ({status}){said}.": ["Odmowa ({status}){said}."],
  "It is gone.": ["Nie ma."],
  "{count} file\0{count} files": ["{count} plik", "{count} pliki", "{count} plików"],
};
globalThis.document = /** @type {any} */ ({
  documentElement: { lang: "pl" },
  getElementById: (id) => (id === "catalogue" ? { textContent: JSON.stringify(words) } : null),
});
const { t, tn, told, language } = await import("../../../chat/static/chat/i18n.js");

test("a text is said in the page's language, with the values in their places", () => {
  assert.equal(language, "pl");
  assert.equal(t("Deleted “{title}”.", { title: "{count} $&" }), "“{count} $&” 삭제됨");
});

test("what is not translated is said in English", () => {
  assert.equal(t("Hello {name}, {other}", { name: "Ada" }), "Hello Ada, {other}");
  assert.equal(tn("{count} day", "{count} days", 1), "1 day");
  assert.equal(tn("{count} day", "{count} days", 3), "3 days");
});

test("a language has as many forms as it has", () => {
  assert.deepEqual([1, 3, 5].map((count) => tn("{count} file", "{count} files", count)), ["1 plik", "3 pliki", "5 plików"]);
});

test("a sentence of the server's is known again, whatever its values", () => {
  assert.equal(told("It is gone."), "Nie ma.");
  assert.equal(told("It said nothing for 2.5 seconds. Ask again."), "Cisza przez 2.5 s.");
  assert.equal(told("It refused (400)."), "Odmowa (400).");
  assert.equal(told("It refused (400): “No (really). {said}\nno”."), "Odmowa (400): “No (really). {said}\nno”.");
  assert.equal(told("What a custom agent says."), "What a custom agent says.");
  assert.equal(told(""), "");
});
