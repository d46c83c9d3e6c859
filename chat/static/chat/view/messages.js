/** The messages of one chat, older ones as one scrolls up, and those still on their way at the end. */
import { useMemo, useRef } from "preact/hooks";
import { t, told } from "../i18n.js";
import { titleOf } from "../panes.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { Message } from "./message.js";
import { Quote } from "./quote.js";
import { useFollowEnd } from "./scroll.js";

/** Pixels from the top at which older messages are asked for. */
const NEAR_TOP = 300;

/** @param {{id: string, onEdit: (text: string) => void}} props `onEdit` puts a text back into the composer */
export function Messages({ id, onEdit }) {
  const { app } = useApp();
  const order = useSelect((state) => state.open[id]?.order);
  const messages = useSelect((state) => state.open[id]?.messages);
  const earlier = useSelect((state) => state.open[id]?.earlier ?? false);
  const loading = useSelect((state) => state.open[id]?.loadingEarlier ?? "");
  const pending = usePending(id);
  const title = useSelect((state) => titleOf(state, id));
  // Side by side, several chats may have the same title.
  const number = useSelect((state) => (state.panes.keys.length > 1 ? state.panes.keys.indexOf(id) + 1 : 0));
  const area = useRef(/** @type {HTMLDivElement | null} */ (null));
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const content = useRef(/** @type {HTMLOListElement | null} */ (null));
  const said = {
    "": t("Load earlier messages"),
    loading: t("Loading earlier messages…"),
    failed: t("Earlier messages could not be loaded. Try again"),
  };
  const { away, toEnd, onScroll } = useFollowEnd(scroller, content, order?.[0], pending.length);

  return html`
    <div class="scroll-area" ref=${area}>
      <div
        class="scroller"
        ref=${scroller}
        tabindex="0"
        role="region"
        aria-label=${number ? t("Pane {number}: messages of {title}", { number, title }) : t("Messages of {title}", { title })}
        onScroll=${() => {
          onScroll();
          if (earlier && !loading && (scroller.current?.scrollTop ?? NEAR_TOP) < NEAR_TOP) void app.loadEarlier(id);
        }}
      >
        <ol class="messages" ref=${content}>
          ${earlier &&
          html`
            <li class="earlier">
              <button
                type="button"
                class="link"
                aria-disabled=${loading === "loading" ? "true" : null}
                onClick=${() => app.loadEarlier(id)}
              >
                ${said[loading]}
              </button>
            </li>
          `}
          ${order?.map((message) => html`<${Message} key=${message} message=${messages?.[message]} />`)}
          ${pending.map((one) => html`<${Unsent} key=${one.client_id} pending=${one} onEdit=${onEdit} />`)}
        </ol>
      </div>
      ${away && html`<button type="button" class="newest" onClick=${toEnd}>${icon("down")}${t("Newest")}</button>`}
      <${Quote} id=${id} area=${area} />
    </div>
  `;
}

/**
 * Messages on their way to the end of a chat.
 *
 * @param {string} id
 */
export function usePending(id) {
  const all = useSelect((state) => state.pending);
  return useMemo(() => Object.values(all).filter((pending) => pending.chat === id && pending.act === "send"), [all, id]);
}

/** @param {{pending: import("../types.js").Pending, onEdit: (text: string) => void}} props */
function Unsent({ pending, onEdit }) {
  const { app } = useApp();
  const online = useSelect((state) => state.link.status === "online");
  const { client_id: id, status, error } = pending;
  return html`
    <li class="message from-user unsent" data-pending=${id}>
      <h3 class="unseen">${t("You said")}</h3>
      <div class="bubble" dir="auto">${pending.text}</div>
      ${status === "waiting" && !online && html`<p class="ending">${t("Not sent yet. Waiting for a connection.")}</p>`}
      ${status === "failed" &&
      html`
        <p class="ending ending-error" role="alert">${icon("alert")}${told(error?.message ?? "")}</p>
        <p class="unsent-tools">
          <button type="button" class="button" onClick=${() => app.outbox.retry(id)}>${t("Try again")}</button>
          <button type="button" class="button" onClick=${() => onEdit(app.outbox.discard(id))}>${t("Edit")}</button>
          <button type="button" class="button" onClick=${() => app.discard(id)}>${t("Discard")}</button>
        </p>
      `}
    </li>
  `;
}
