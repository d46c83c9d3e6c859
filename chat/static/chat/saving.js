/** Taking a chat, or a reply, out of the page: to the clipboard or into a file. */
import { collect, fileName, textOf, toJson, toMarkdown } from "./export.js";
import { t, tn } from "./i18n.js";

/**
 * @typedef {object} Browser
 * @property {(text: string) => Promise<boolean>} copy
 * @property {(name: string, type: string, text: string) => void} download
 */

const TYPES = { md: "text/markdown", json: "application/json" };

export class Saving {
  /**
   * @param {import("./app.js").App} app
   * @param {Browser} browser
   */
  constructor(app, browser) {
    this.app = app;
    this.browser = browser;
    /** @type {Set<string>} */
    this.underWay = new Set();
  }

  /**
   * Copy one message as it was written.
   *
   * @param {import("./types.js").Message} message
   */
  copyMessage(message) {
    return this.app.attempt(async () => {
      const whole = message.clipped ? await this.app.api.message(message.chat, message.id) : message;
      await this.copy(textOf(whole.parts ?? []));
    });
  }

  /** @param {string} text */
  async copy(text) {
    const done = await this.browser.copy(text);
    if (done) this.app.notices.say({ id: "copied", text: t("Copied.") });
    else this.app.notices.say({ id: "copied", text: t("The browser did not allow copying. Save the chat to a file instead."), error: true });
  }

  /** @param {string} id */
  async copyChat(id) {
    await this.whole(id, async (chat, messages) => this.copy(toMarkdown(chat, messages)));
  }

  /**
   * @param {string} id
   * @param {"md" | "json"} ending
   */
  async saveChat(id, ending) {
    await this.whole(id, (chat, messages) => {
      const text = ending === "md" ? toMarkdown(chat, messages) : toJson(chat, messages);
      this.browser.download(fileName(chat.title, ending), TYPES[ending], text);
      const count = messages.length;
      this.app.notices.say({ id: `saved-${id}`, text: tn("Saved one message.", "Saved {count} messages.", count) });
    });
  }

  /**
   * Do something with a whole chat, every page of it, and say how far it is.
   *
   * @param {string} id
   * @param {(chat: import("./types.js").Chat, messages: import("./types.js").WireMessage[]) => void | Promise<void>} use
   */
  async whole(id, use) {
    const { store, api } = this.app;
    const chat = store.state.chats[id];
    if (!chat || this.underWay.has(id)) return;
    this.underWay.add(id);
    const toast = `collecting-${id}`;
    /** @param {number} count */
    const progress = (count) => {
      this.app.notices.say({ id: toast, text: tn("Collecting the chat: one message…", "Collecting the chat: {count} messages…", count), stays: true });
    };
    try {
      await this.app.attempt(async () => use(chat, await collect(api, id, progress)));
    } finally {
      store.dispatch({ type: "untoast", id: toast });
      this.underWay.delete(id);
    }
  }
}
