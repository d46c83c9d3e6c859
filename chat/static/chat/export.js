/** A chat as a text to keep: Markdown for people, JSON for programs. */
import { t } from "./i18n.js";

/**
 * @typedef {import("./types.js").Chat} Chat
 * @typedef {import("./types.js").WireMessage} WireMessage
 * @typedef {import("./types.js").Part} Part
 */

/**
 * What was said in a message, as its author wrote it: replies are Markdown already.
 *
 * @param {Part[]} parts
 */
export function textOf(parts) {
  return parts.flatMap((part) => (part.type === "text" && part.text ? [part.text] : [])).join("\n\n");
}

/**
 * @param {Chat} chat
 * @param {WireMessage[]} messages
 */
export function toMarkdown(chat, messages) {
  const said = messages.map((message) => {
    const who = message.role === "user" ? t("You") : t("Reply");
    const cut = CUT[message.status]?.() ?? "";
    return [`## ${who}`, textOf(message.parts ?? []), cut && `*${cut}*`].filter(Boolean).join("\n\n");
  });
  return [`# ${chat.title || t("New chat")}`, ...said].join("\n\n") + "\n";
}

/** @type {Partial<Record<import("./types.js").MessageStatus, () => string>>} */
const CUT = {
  streaming: () => t("This reply was still being written."),
  stopped: () => t("Stopped here."),
  interrupted: () => t("This reply was interrupted."),
  failed: () => t("This reply failed."),
};

/**
 * @param {Chat} chat
 * @param {WireMessage[]} messages
 */
export function toJson(chat, messages) {
  return JSON.stringify({ chat, messages }, null, 2) + "\n";
}

/**
 * A name that every file system takes.
 *
 * @param {string} title
 * @param {"md" | "json"} ending
 */
export function fileName(title, ending) {
  const plain = title.normalize("NFC").replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `${plain || "chat"}.${ending}`;
}

/**
 * A text as a quotation, to be answered below.
 *
 * @param {string} text
 */
export function quoted(text) {
  const lines = text.trim().split(/\r?\n/);
  return lines.map((line) => (line ? `> ${line}` : ">")).join("\n");
}

/**
 * All messages of a chat that are shown, oldest first, each whole.
 *
 * @param {Pick<import("./http.js").Api, "messages" | "message">} api
 * @param {string} chat
 * @param {(count: number) => void} progress
 */
export async function collect(api, chat, progress) {
  /** @type {WireMessage[]} */
  let all = [];
  for (let before = null, more = true; more; ) {
    const { messages, earlier } = await api.messages(chat, before);
    const page = [];
    for (const message of messages) page.push(message.clipped ? await api.message(chat, message.id) : message);
    all = [...page, ...all];
    progress(all.length);
    before = all[0]?.position ?? null;
    more = earlier && page.length > 0;
  }
  return all;
}
