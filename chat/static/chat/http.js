/** The HTTP API, as the page uses it. Every failure is a `CommandError`, as on the socket. */
import { t } from "./i18n.js";
import { CommandError } from "./socket.js";

/**
 * @typedef {import("./types.js").Chat} Chat
 * @typedef {import("./types.js").WireMessage} WireMessage
 */

export class Api {
  /**
   * @param {string} base where the API is, with a slash at the end
   * @param {typeof globalThis.fetch} fetch
   * @param {() => string} csrfToken
   */
  constructor(base, fetch, csrfToken) {
    this.base = base;
    this.fetch = fetch;
    this.csrfToken = csrfToken;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>} the answer's JSON, or null where it has none
   */
  async call(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["X-CSRFToken"] = this.csrfToken();
    let response, answer;
    try {
      response = await this.fetch(this.base + path, {
        method,
        headers,
        credentials: "same-origin",
        body: body ? JSON.stringify(body) : null,
      });
      answer = response.status === 204 ? null : await readJson(response);
    } catch {
      throw new CommandError("disconnected", t("The server cannot be reached just now. Try again in a moment."));
    }
    if (response.ok) return answer;
    const { code, message, retry_after } = answer ?? {};
    // An answer without our fields comes from something in front of the server, which is busy or restarting.
    const otherwise = response.status >= 500 ? "unavailable" : `http_${response.status}`;
    throw new CommandError(
      typeof code === "string" ? code : otherwise,
      typeof message === "string" ? message : t("The server refused this ({status}). Reload the page and try again.", { status: response.status }),
      retry_after,
    );
  }

  /** Whether the server still knows who we are. Rejects when it cannot be asked. */
  async stillSignedIn() {
    const response = await this.fetch(`${this.base}me`, { credentials: "same-origin" });
    if (response.status >= 500) throw new CommandError("unavailable", t("The server does not answer."));
    return response.ok;
  }

  /**
   * @param {{before?: number | null, archived?: boolean, pinned?: boolean, q?: string}} page   `q`: words of the title
   * @returns {Promise<{chats: Chat[], next: number | null}>}
   */
  chats({ before = null, archived = false, pinned = false, q = "" }) {
    const query = new URLSearchParams({ archived: String(archived) });
    if (before !== null) query.set("before", String(before));
    if (pinned) query.set("pinned", "true");
    if (q) query.set("q", q);
    return this.call("GET", `chats?${query}`);
  }

  /**
   * @param {string} chat
   * @param {{title?: string, archived?: boolean, pinned?: boolean}} changes
   * @returns {Promise<Chat>}
   */
  changeChat(chat, changes) {
    return this.call("PATCH", `chats/${chat}`, changes);
  }

  /**
   * @param {string} chat
   * @returns {Promise<null>}
   */
  deleteChat(chat) {
    return this.call("DELETE", `chats/${chat}`);
  }

  /**
   * @param {string} chat
   * @returns {Promise<Chat>}
   */
  restoreChat(chat) {
    return this.call("POST", `chats/${chat}/restore`);
  }

  /**
   * @param {string} chat
   * @param {number | null} before a position; without one, the newest page
   * @returns {Promise<{messages: WireMessage[], earlier: boolean}>}
   */
  messages(chat, before) {
    return this.call("GET", `chats/${chat}/messages${before === null ? "" : `?before=${before}`}`);
  }

  /**
   * @param {string} chat
   * @param {string} message
   * @returns {Promise<WireMessage>}
   */
  message(chat, message) {
    return this.call("GET", `chats/${chat}/messages/${message}`);
  }

  /**
   * @param {string} run
   * @returns {Promise<null>}
   */
  stop(run) {
    return this.call("POST", `runs/${run}/stop`);
  }

  /**
   * @param {string} chat
   * @param {{text?: string, client_id: string, agent?: string}} body
   * @param {string} [at]   where below the messages: `/{message}/edit`, `/{message}/retry`, `/{message}/continue`
   * @returns {Promise<{message: string, reply: string, run: string}>}
   */
  send(chat, body, at = "") {
    return this.call("POST", `chats/${chat}/messages${at}`, body);
  }

  /**
   * @param {string} chat
   * @param {string} message
   * @returns {Promise<null>}
   */
  choose(chat, message) {
    return this.call("POST", `chats/${chat}/messages/${message}/choose`);
  }
}

/** @param {Response} response */
async function readJson(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * The value of a cookie that scripts may read.
 *
 * @param {string} cookies
 * @param {string} name
 */
export function cookie(cookies, name) {
  const found = cookies.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
