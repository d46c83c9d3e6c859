/** What can be done with a chat as a whole: one list, for its menus and for the palette. */
import { t } from "../i18n.js";
import { useApp } from "./context.js";
import { html } from "./html.js";
import { Menu } from "./menu.js";

/**
 * @typedef {import("./menu.js").Item} Item
 *
 * @param {import("../app.js").App} app
 * @param {import("../types.js").Chat} chat
 * @param {() => void} rename
 * @returns {Item[]}
 */
export function chatActions(app, chat, rename) {
  const { id } = chat;
  return [
    { label: t("Rename"), icon: "rename", act: rename },
    chat.pinned
      ? { label: t("Unpin"), icon: "unpin", act: () => void app.change(id, { pinned: false }) }
      : { label: t("Pin"), icon: "pin", act: () => void app.change(id, { pinned: true }) },
    { label: t("Copy as Markdown"), icon: "copy", act: () => void app.saving.copyChat(id) },
    { label: t("Save as Markdown"), icon: "save", act: () => void app.saving.saveChat(id, "md") },
    { label: t("Save as JSON"), icon: "save", act: () => void app.saving.saveChat(id, "json") },
    chat.archived
      ? { label: t("Bring back"), icon: "unarchive", act: () => void app.change(id, { archived: false }) }
      : { label: t("Archive"), icon: "archive", act: () => void app.change(id, { archived: true }) },
    { label: t("Delete"), icon: "trash", danger: true, act: () => void app.remove(id) },
  ];
}

/** @param {{chat: import("../types.js").Chat, label: string, onRename: () => void}} props */
export function ChatMenu({ chat, label, onRename }) {
  const { app } = useApp();
  return html`<${Menu} label=${label} items=${chatActions(app, chat, onRename)} />`;
}
