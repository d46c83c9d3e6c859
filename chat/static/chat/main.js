/** Puts the page together: browser things on the outside, the logic and the view within. */
import { render } from "preact";
import { App } from "./app.js";
import { copy, download, held, onShelfChange } from "./browser.js";
import { Api, cookie } from "./http.js";
import { Outbox } from "./outbox.js";
import { toPath, fromPath, visible } from "./panes.js";
import { Socket } from "./socket.js";
import { Store } from "./state.js";
import { Shelf } from "./storage.js";
import { Unread } from "./unread.js";
import { AppContext } from "./view/context.js";
import { html } from "./view/html.js";
import { roomNow } from "./view/media.js";
import { Page } from "./view/page.js";

/**
 * @typedef {object} Config   what the server says in the page
 * @property {import("./types.js").User} user
 * @property {{code: string, name: string}[]} languages
 * @property {{api: string, socket: string, signIn: string, signOut: string, formulas: string, diagrams: string}} urls
 */

/** Milliseconds between two looks for what another tab left unsent. */
const ADOPT_EVERY = 5_000;
/** Milliseconds between two looks whether the connection has fallen silent. */
const LISTEN_EVERY = 15_000;

/** @type {Config} */
const config = JSON.parse(document.getElementById("config")?.textContent ?? "");
const store = new Store((draw) => void requestAnimationFrame(draw));
const api = new Api(config.urls.api, window.fetch.bind(window), () => cookie(document.cookie, "csrftoken"));
const clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: /** @type {(call: () => void, milliseconds: number) => unknown} */ (window.setTimeout.bind(window)),
  clearTimeout: window.clearTimeout.bind(window),
};

const socketUrl = new URL(config.urls.socket, location.href);
socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new Socket(
  socketUrl.href,
  {
    onFrame(frame) {
      // Signed in as somebody else meanwhile: this page, its drafts and its outbox are not theirs.
      if (frame.type === "hello" && frame.user.id !== config.user.id) return location.reload();
      store.dispatch({ type: "frame", frame });
    },
    onLink(link) {
      store.dispatch({ type: "link", link });
      if (link.reason === "signed_out") location.assign(config.urls.signIn + wayBack());
    },
    stillSignedIn: () => api.stillSignedIn(),
  },
  { ...clock, connect: (url) => new WebSocket(url) },
);

const storage = localStorageOrNone();
const own = `polylogue.${config.user.id}.`;
const outbox = new Outbox(new Shelf(storage, `${own}outbox.`), {
  ...clock,
  request: (command) => socket.request(command),
  send: (chat, body, at) => api.send(chat, body, at),
  limits: () => store.state.hello?.limits ?? null,
  dispatch: (action) => store.dispatch(action),
});
const inView = () => visible(store.state.panes, roomNow());
const app = new App({
  ...clock,
  store,
  socket,
  api,
  outbox,
  drafts: new Shelf(storage, `${own}draft.`),
  layout: new Shelf(storage, `${own}layout.`),
  browser: { copy, download },
  inView,
  held,
  newId,
});
/** The chats that somebody may be reading here. */
const watching = () => (document.visibilityState === "visible" ? inView() : []);
const unread = new Unread(store, new Shelf(storage, `${own}unread.`), watching, clock.now);

onShelfChange(`${own}outbox.`, (id, value) => value === null && outbox.forget(id));
onShelfChange(`${own}unread.`, () => unread.load());
setInterval(() => outbox.adopt(), ADOPT_EVERY);

store.follow((state, action, before) => {
  if (state.panes.keys === before.panes.keys) return;
  const path = toPath(state.panes.keys);
  if (path === location.pathname) return;
  // What a click did can be undone with "back"; that a new chat got its id is no step of its own.
  if (action.type === "panes" && before.panes.keys.length) history.pushState(null, "", path);
  else history.replaceState(null, "", path);
});
window.addEventListener("popstate", () => app.setPanes(fromPath(location.pathname)));
window.addEventListener("online", () => socket.connect());
setInterval(() => document.visibilityState === "visible" && app.following.wake(), LISTEN_EVERY);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  app.following.wake();
  unread.look();
});
window.addEventListener("offline", () => socket.goOffline());

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(html`<${AppContext.Provider} value=${{ app, store, config }}><${Page} /><//>`, root);
}
app.start(location.pathname);

/** Leads back here after signing in; what a guest had is nobody's any more. */
function wayBack() {
  return config.user.guest ? "" : `?next=${encodeURIComponent(location.pathname)}`;
}

/** `crypto.randomUUID` exists only in secure contexts, and a first try may be on plain HTTP in one's own network. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A browser that blocks storage throws already when asked for it. */
function localStorageOrNone() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
