/** Says how the connection is while it is not fine, and what to do. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

/** Milliseconds before a banner appears: most breaks are over before anyone needs to read about them. */
const CALM = 800;

export function Banner() {
  const { app } = useApp();
  const link = useSelect((state) => state.link);
  const unsent = useSelect((state) => Object.values(state.pending).filter((one) => one.status === "waiting").length);
  const late = useLate(link.status === "online");
  if (link.status === "stopped") return html`<div class="banner" role="alert">${stopped(link.reason)}</div>`;
  if (!late) return null;
  const kept = unsent ? ` ${t("What you wrote will be sent later.")}` : "";
  if (link.status === "offline") {
    return html`<div class="banner">${icon("offline")}<p>${t("You are offline.")}${kept}</p>${retry(app)}</div>`;
  }
  return html`
    <div class="banner">
      ${icon("alert")}
      <p>${link.status === "waiting" ? html`<${Countdown} to=${link.retryAt} />` : t("Connecting…")}${kept}</p>
      ${link.status === "waiting" && retry(app)}
    </div>
  `;
}

/** @param {import("../app.js").App} app */
function retry(app) {
  return html`<button type="button" class="button" onClick=${() => app.socket.connect()}>${t("Try now")}</button>`;
}

/** @param {import("../types.js").Link["reason"]} reason */
function stopped(reason) {
  const reload = html`<button type="button" class="button" onClick=${() => location.reload()}>${t("Reload")}</button>`;
  if (reason === "reload") return html`${icon("alert")}<p>${t("The server has a newer version of this page.")}</p>${reload}`;
  if (reason === "signed_out") return html`${icon("alert")}<p>${t("You are signed out.")}</p>${reload}`;
  return html`${icon("alert")}<p>${t("The server does not let this page connect. Sign in again, or ask who runs it.")}</p>${reload}`;
}

/**
 * True once things have not been fine for a moment.
 *
 * @param {boolean} fine
 */
function useLate(fine) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (fine) return setLate(false);
    const timer = setTimeout(() => setLate(true), CALM);
    return () => clearTimeout(timer);
  }, [fine]);
  return late && !fine;
}

/** @param {{to: number}} props */
function Countdown({ to }) {
  const left = () => Math.max(0, Math.ceil((to - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left);
    const timer = setInterval(() => setSeconds(left), 250);
    return () => clearInterval(timer);
  }, [to]);
  return seconds > 0 ? t("No connection. Next try in {seconds} s.", { seconds }) : t("No connection. Next try now.");
}
