/** Pairs: which were made how often, the right ones framed. */

import { h } from "../dom.js";
import { percent, t } from "../i18n.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { makeHeat } from "./heat.js";
import { peopleText } from "./poll.js";
import { makeVerdict } from "./quiz.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { left, right, pairs } = activity.config.settings;
  const place = placesIn(element);
  const total = view.total_responses ?? 0;
  const given = own?.data?.pairs;
  renew(place("verdict"), JSON.stringify([given, pairs]), () => pairs && given && makeVerdict(left.every((item) => given[item.id] === pairs[item.id])));
  const figures = [[t("order.allRight"), view.fully_correct !== undefined && total > 0 && percent(view.fully_correct / total)], [t("chart.score"), view.mean_score !== undefined && total > 0 && percent(view.mean_score)]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  if (view.matrix) {
    const rows = left.map((item) => ({ text: item.text, cells: right.map((each) => ({ count: view.matrix[item.id]?.[each.id] ?? 0, isRight: pairs?.[item.id] === each.id })) }));
    renew(place("table"), JSON.stringify(rows), () => makeHeat(t("match.heat"), right.map((each) => each.text), rows));
  }
  renew(place("note"), String(total), () => h("p", { class: "small soft" }, peopleText(total)));
}
