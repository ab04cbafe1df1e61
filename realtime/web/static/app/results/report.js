/** The page of one session's results. Questions are fetched when they come near the window, and all of them before printing. */

import { complain, toast } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { makeBar } from "../frame.js";
import { language, number, percent, sentence, t } from "../i18n.js";
import { makeFigures } from "../charts/figures.js";
import { makeCard } from "./card.js";
import { makePeople } from "./people.js";
import { Source } from "./source.js";

const NEAR_PX = 600;

/** @param {{id: string, ticket: string, title?: string}} session */
export async function showReport(session) {
  const source = new Source(session);
  const back = h("a", { class: "button plain to-session", href: `/present#session=${session.id}` }, t("results.back"));
  const main = h("main", { class: "results" }, h("p", { class: "soft", role: "status" }, t("results.loading")));
  fill(document.body, makeBar(h("span", { class: "name" }, session.title ?? ""), back), main);
  document.title = `${t("results.title")} · Plenum`;
  let overview;
  try {
    overview = await source.overview();
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    fill(main, h("h1", {}, t("results.title")), h("p", { class: "notice", role: "alert" }, sentence(refusal)));
    return;
  }
  const name = document.querySelector(".bar .name");
  if (name) name.textContent = overview.title;
  document.title = `${overview.title}: ${t("results.title")} · Plenum`;
  const cards = overview.activities.map((activity) => makeCard(activity, source));
  const people = makePeople(overview, source);
  fill(main, makeHead(overview, source, () => print(cards, people)), ...cards.map((card) => card.element), overview.activities.length ? null : makeEmpty(session), people.element);
  watch(cards, people);
}

function makeHead(overview, source, onPrint) {
  const made = new Date(overview.created_at).toLocaleDateString(language(), { dateStyle: "long" });
  const rounds = overview.activities.flatMap((activity) => activity.rounds);
  const answers = rounds.reduce((sum, round) => sum + round.responses, 0);
  const opened = rounds.filter((round) => round.participants > 0);
  const share = overview.participants && opened.length ? opened.reduce((sum, round) => sum + round.participants / overview.participants, 0) / opened.length : null;
  const isEqual = rounds.every((round) => round.live === null || round.live === round.responses);
  const isWhole = overview.complete && isEqual;
  const light = h("p", { class: `proof ${isWhole ? "good" : "late"}` }, t(isWhole ? "results.whole" : "results.late", { n: answers }));
  const figures = makeFigures([
    [t("results.people"), number(overview.participants)],
    [t("results.questions"), number(overview.activities.length)],
    [t("results.answers"), number(answers)],
    [t("results.share"), share === null ? null : percent(Math.min(1, share))],
  ]);
  return h("section", { class: "head stack" },
    h("div", {}, h("p", { class: "soft small" }, `${t("results.title")} · ${made}`), h("h1", {}, overview.title)),
    figures, light, makeTakeAway(source, onPrint));
}

function makeTakeAway(source, onPrint) {
  const choices = [["xlsx", ""], ["csv", "responses"], ["csv", "participants"], ["csv", "activities"], ["json", ""], ["ndjson", ""]];
  const select = h("select", { id: "format" }, ...choices.map(([format, table]) => h("option", { value: `${format}/${table}` }, t(`results.as.${format}${table ? `.${table}` : ""}`))));
  const button = h("button", { class: "primary" }, t("results.download"));
  const form = h("form", { class: "take-away" },
    h("div", { class: "field" }, h("label", { htmlFor: "format" }, t("results.take")), select), button,
    h("button", { type: "button", on: { click: onPrint } }, t("results.print")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [format, table] = select.value.split("/");
    await take(button, () => source.download({ format, ...(table ? { table } : {}) }));
  });
  return form;
}

/** Runs a download with its button out of reach, and says what came of it. */
export async function take(button, download) {
  button.disabled = true;
  try {
    const { name, isComplete } = await download();
    toast(t(isComplete ? "results.taken" : "results.takenLate", { name }), isComplete ? "good" : "bad");
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    complain(refusal);
  } finally {
    button.disabled = false;
  }
}

function makeEmpty(session) {
  return h("section", { class: "card stack" }, h("h2", {}, t("results.emptyTitle")), h("p", { class: "soft" }, t("results.empty")),
    h("div", { class: "row" }, h("a", { class: "button primary", href: `/present#session=${session.id}` }, t("results.back"))));
}

function watch(cards, people) {
  const all = [...cards, people];
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      observer.unobserve(entry.target);
      all.find((each) => each.element === entry.target)?.load();
    }
  }, { rootMargin: `${NEAR_PX}px` });
  for (const each of all) observer.observe(each.element);
}

async function print(cards, people) {
  toast(t("results.preparing"));
  for (const card of cards) await card.load(); // one after another: a long session must not flood the server
  await people.loadAll();
  document.getElementById("toasts")?.replaceChildren();
  globalThis.print();
}
