/** One question's result: its chart, when the answers came, and what changed from round to round. */

import { fill, h } from "../dom.js";
import { number, sentence, t } from "../i18n.js";
import { loadChart } from "../parts.js";
import { drawChanges } from "./changes.js";
import { drawCourse } from "./course.js";
import { take } from "./report.js";

const TEXT_OF_STATE = { draft: "state.draft", published: "state.published", active: "state.active", paused: "state.paused", closed: "state.closed", cancelled: "state.cancelled" };

/** @returns {{element: HTMLElement, load: () => Promise<void>}} */
export function makeCard(activity, source) {
  const place = h("div", { class: "stack" }, h("p", { class: "soft" }, t("results.loading")));
  const answers = activity.rounds.reduce((sum, round) => sum + round.responses, 0);
  const download = h("button", { type: "button", class: "plain small-button", "aria-label": t("results.asTable", { title: activity.title }) }, t("results.table"));
  download.addEventListener("click", () => take(download, () => source.download({ format: "csv", activityId: activity.activity_id })));
  const element = h("section", { class: "card stack result", "aria-labelledby": `t-${activity.activity_id}` },
    h("div", { class: "row meta" },
      h("span", { class: "number", "aria-hidden": "true" }, String(activity.number)),
      h("span", { class: `chip ${activity.state}` }, t(TEXT_OF_STATE[activity.state] ?? "state.draft")),
      activity.anonymous ? h("span", { class: "chip bare" }, t("results.anonymous")) : null,
      h("span", { class: "soft small" }, t("results.answered", { n: answers })),
      answers > 0 ? h("span", { class: "push" }, download) : null),
    h("div", {}, h("h2", { id: `t-${activity.activity_id}` }, activity.question || activity.title),
      activity.question && activity.title !== activity.question ? h("p", { class: "soft small" }, activity.title) : null), place);
  let loaded = null;
  const load = () => (loaded ??= draw(null));
  const draw = async (round) => {
    try {
      const report = await source.report(activity.activity_id, round);
      fill(place, ...(await makeParts(activity, report, draw)));
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      fill(place, h("p", { class: "notice", role: "alert" }, sentence(refusal)));
      loaded = null; // the next look tries again
    }
  };
  if (answers === 0) {
    loaded = Promise.resolve();
    fill(place, h("p", { class: "soft" }, t("results.nobody")));
  }
  return { element, load };
}

async function makeParts(activity, report, draw) {
  const parts = [];
  const pair = h("div", { class: "pair" });
  if (activity.rounds.length > 1) parts.push(makeRounds(activity, report.round, draw));
  if (report.withheld) parts.push(h("p", { class: "soft" }, t("results.withheld")));
  if (report.activity && report.view !== null) {
    const place = h("div", { class: "chart" });
    const chart = await loadChart(report.type).catch(() => {
      throw { code: "network" }; // said like a report that was lost, and asked for again with the next look
    });
    chart.draw(place, report.activity, report.view, report.counts, { items: new Map(Object.entries(report.items)), own: null });
    pair.append(place);
  }
  const course = report.course.find((each) => each.round === report.round);
  const changes = report.changes.filter((each) => each.to_round === report.round || report.changes.length === 1);
  if (course && course.responses > 1) pair.append(drawCourse(course));
  parts.push(pair);
  parts.push(...changes.map(drawChanges));
  return parts;
}

function makeRounds(activity, shown, draw) {
  const buttons = activity.rounds.map(({ round, responses }) => {
    const button = h("button", { type: "button", "aria-pressed": String(round === shown) }, t("results.round", { round }), h("small", {}, number(responses)));
    button.addEventListener("click", () => draw(round));
    return button;
  });
  return h("div", { class: "rounds", role: "group", "aria-label": t("results.rounds") }, ...buttons);
}
