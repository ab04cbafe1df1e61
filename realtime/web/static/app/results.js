/** The results of one session: how it went, every question, everybody's answers, and all of it to take away. */

import { fill, h } from "./dom.js";
import { makeBar } from "./frame.js";
import { loadTexts, t } from "./i18n.js";
import { keep, known } from "./present/store.js";
import { showReport } from "./results/report.js";

await loadTexts("types", "results");
show();
addEventListener("hashchange", show);

function show() {
  const given = new URLSearchParams(location.hash.slice(1));
  const id = given.get("session");
  const ticket = given.get("ticket");
  if (id && ticket) {
    keep({ id, ticket });
    history.replaceState(null, "", `#session=${id}`); // the ticket must not stay in the address bar or the history
  }
  const session = known().find((each) => each.id === id);
  document.body.replaceChildren();
  if (session) showReport(session);
  else fill(document.body, makeBar(), h("main", {}, h("h1", {}, t("results.unknown")), h("p", { class: "soft" }, t("results.unknownText")),
    h("div", { class: "row" }, h("a", { class: "button primary", href: "/present" }, t("results.sessions")))));
}
