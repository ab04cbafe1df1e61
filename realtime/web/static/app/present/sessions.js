/** The list of own sessions, and making a new one. */

import { complain, confirmed } from "../dialogs.js";
import { fill, h, icon } from "../dom.js";
import { readProblem } from "../fallback.js";
import { makeBar } from "../frame.js";
import { t } from "../i18n.js";
import { forget, keep, known } from "./store.js";

/** @returns {Node[]} the children of the body */
export function showSessions() {
  const title = h("input", { type: "text", id: "title", maxLength: 255, required: true, placeholder: t("list.nameExample"), autocomplete: "off" });
  const button = h("button", { class: "primary" }, icon("plus"), t("list.create"));
  const form = h("form", { class: "card new-session" }, h("div", { class: "field" }, h("label", { htmlFor: "title" }, t("list.name")), title), button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await create(title.value.trim());
    button.disabled = false;
  });
  const list = h("ul", { class: "sessions" });
  const empty = h("p", { class: "soft" }, t("list.empty"));
  const render = () => {
    fill(list, ...known().map((session) => makeRow(session, render)));
    empty.hidden = known().length > 0;
  };
  render();
  const lead = h("div", { class: "stack" }, h("h1", {}, t("list.title")), h("p", { class: "soft" }, t("list.lead")));
  return [makeBar(), h("main", { class: "wide" }, lead, form, list, empty)];
}

async function create(title) {
  try {
    const response = await fetch("/api/v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ title }),
    });
    if (!response.ok) {
      complain(await readProblem(response));
      return;
    }
    const { session, presenter_ticket, screen_ticket } = await response.json();
    keep({ id: session.id, title: session.title, join_code: session.join_code, ticket: presenter_ticket, screen_ticket });
    location.hash = `session=${session.id}`;
  } catch {
    complain({ code: "network" });
  }
}

function makeRow(session, render) {
  const { id, join_code, made_ms } = session;
  const title = session.title ?? id;
  const made = new Date(made_ms).toLocaleDateString(document.documentElement.lang, { dateStyle: "medium" });
  const remove = async () => {
    if (await confirmed({ title: t("list.forgetTitle"), text: t("list.forgetText"), action: t("dialog.forget") })) {
      forget(id);
      render();
    }
  };
  return h(
    "li",
    { class: "card session" },
    h(
      "a",
      { href: `#session=${id}` },
      h("h2", {}, title),
      h("p", { class: "soft small" }, join_code ? `${t("list.code", { code: join_code })} · ` : "", t("list.made", { date: made })),
    ),
    h("a", { class: "button plain results-link", href: `/results#session=${id}`, "aria-label": t("list.resultsOf", { title }) }, t("list.results")),
    h("button", { class: "icon-button", type: "button", "aria-label": t("list.forget", { title }), on: { click: remove } }, icon("cross")),
  );
}
