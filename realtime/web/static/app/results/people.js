/** Everybody's answers, person by person, by the page. */

import { complain } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";

const MOST_WHEN_PRINTING = 2_000;

/** @returns {{element: HTMLElement, load: () => Promise<void>, loadAll: () => Promise<void>}} */
export function makePeople(overview, source) {
  const columns = overview.activities.filter((activity) => !activity.anonymous);
  const body = h("tbody", {});
  const more = h("button", { type: "button", hidden: true }, t("results.more"));
  const note = h("p", { class: "soft small" }, t("results.peopleNote"));
  const head = (activity) => h("th", { scope: "col" }, h("span", { class: "number", "aria-hidden": "true" }, String(activity.number)), h("span", { class: "question" }, activity.question || activity.title));
  const table = h("table", { class: "everyone" }, h("caption", { class: "off-screen" }, t("results.byPerson")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("results.name")), h("th", { scope: "col", class: "sum" }, t("results.points")), ...columns.map(head))), body);
  const element = h("section", { class: "card stack everybody", "aria-labelledby": "everybody" }, h("h2", { id: "everybody" }, t("results.byPerson")), note,
    h("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": t("results.byPerson") }, table), h("div", { class: "row" }, more));
  let next = null;
  let loaded = null;
  let count = 0;
  const page = async () => {
    more.disabled = true; // two presses are not two pages
    try {
      const found = await source.people(next);
      next = found.next;
      count += found.participants.length;
      body.append(...found.participants.map((person) => makeRow(person, columns)));
      more.hidden = next === null;
      if (count === 0) fill(element, h("h2", { id: "everybody" }, t("results.byPerson")), h("p", { class: "soft" }, t("results.noPeople")));
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      complain(refusal);
      loaded = null;
    } finally {
      more.disabled = false;
    }
  };
  more.addEventListener("click", page);
  const load = () => (loaded ??= page());
  const loadAll = async () => {
    await load();
    for (let before = -1; next !== null && count < MOST_WHEN_PRINTING && count !== before; ) {
      before = count;
      await page();
    }
  };
  return { element, load, loadAll };
}

function makeRow(person, columns) {
  const cell = (activity) => {
    const given = person.answers[activity.activity_id];
    if (!given) return h("td", { class: "no-answer" }, h("span", { "aria-label": t("results.noAnswer") }, "–"));
    const verdict = given.correct === null ? null : h("span", { class: `sign ${given.correct ? "right" : "wrong"}`, role: "img", "aria-label": t(given.correct ? "results.right" : "results.wrong") }, given.correct ? "✓" : "✗");
    return h("td", {}, verdict, h("span", { class: "said" }, given.text || t("results.passed")));
  };
  const name = person.name ?? t("results.unnamed");
  return h("tr", {}, h("th", { scope: "row" }, h("span", {}, name), person.team ? h("small", {}, person.team) : null, person.removed ? h("small", {}, t("results.removed")) : null),
    h("td", { class: "sum" }, person.points === null ? "–" : number(person.points)), ...columns.map(cell));
}
