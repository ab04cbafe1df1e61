/** What stands around every page: the bar, the switch between light and dark, the banner about the connection. */

import { fill, h, icon } from "./dom.js";
import { LANGUAGES, language, t } from "./i18n.js";

const BACK_MS = 4_000;
const PATIENCE_MS = 1_200; // a connection that is back sooner was never worth a word

/** The bar on top. @param {(Node|string|null|false)[]} parts between the brand and the switch */
export function makeBar(...parts) {
  const isDeep = location.pathname !== "/" && !isEmbedded();
  const brand = [h("img", { src: asset("icon.svg"), alt: "", width: 30, height: 30 }), h("span", {}, "Plenum")];
  return h(
    "header",
    { class: "bar" },
    isDeep ? h("a", { class: "brand", href: "/", "aria-label": "Plenum" }, brand[0]) : h("span", { class: "brand" }, brand),
    ...parts,
    makeLanguages(),
    h("button", { class: "icon-button push", type: "button", "aria-label": t("theme.flip"), on: { click: () => globalThis.plenumTheme.flip() } }, icon("moon")),
  );
}

/** The choice of the language; its own names, because who needs it cannot read the others. */
function makeLanguages() {
  const select = h("select", { "aria-label": t("language.choose"), on: { change: () => globalThis.plenumLanguage.choose(select.value) } },
    ...Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code }, name)));
  select.value = language();
  return h("span", { class: "languages push" }, icon("globe"), h("span", { "aria-hidden": "true" }, language().toUpperCase()), select);
}

/** Whether this page stands inside another site's, where the start page may not. */
export function isEmbedded() {
  return location.pathname.startsWith("/embed/");
}

/** The address of a static file of this version. */
export function asset(path) {
  return new URL(`../${path}`, import.meta.url).href;
}

/**
 * Says calmly how the connection is doing; nothing as long as it does well.
 *
 * @param {import("./connection.js").Connection} connection
 * @param {{offline: () => string}} texts keys of the catalogue
 */
export function makeBanner(connection, texts = { offline: () => "banner.offline" }) {
  const place = h("div", { role: "status" }); // so it is spoken as well, and stands in a landmark of its own
  let wasAway = false;
  let timer = null;
  const show = (key, shape, style = "") => {
    fill(place, h("div", { class: `banner ${style}` }, icon(shape), h("span", {}, t(key))));
  };
  const change = (status) => {
    clearTimeout(timer);
    if (status === "offline") {
      timer = setTimeout(() => {
        wasAway = true;
        show(texts.offline(), "offline");
      }, PATIENCE_MS);
    } else if (status === "degraded") {
      wasAway = false;
      show("banner.degraded", "offline");
    } else if (status === "online" && wasAway) {
      wasAway = false;
      show("banner.back", "check", "good");
      timer = setTimeout(() => fill(place), BACK_MS);
    } else if (status !== "connecting") {
      fill(place);
    }
  };
  connection.on("status", change);
  return place;
}
