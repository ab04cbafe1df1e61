/** An order with a right one: who stands where, and how many had all of it. */

import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { makeHeat } from "./heat.js";
import { peopleText } from "./poll.js";
import { makeVerdict } from "./quiz.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { items, correct_order: key } = activity.config.settings;
  const place = placesIn(element);
  const total = view.total_responses ?? 0;
  const order = own?.data?.order;
  renew(place("verdict"), JSON.stringify([order, key]), () => key && order && makeVerdict(order.every((id, i) => id === key[i])));
  const figures = [[t("order.allRight"), view.fully_correct !== undefined && total > 0 && percent(view.fully_correct / total)], [t("chart.score"), view.mean_score !== undefined && total > 0 && percent(view.mean_score)]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  if (view.positions) {
    const sorted = key ? key.map((id) => items.find((item) => item.id === id)) : items;
    const rows = sorted.map(({ id, text }, i) => ({ text, cells: view.positions[id].map((count, at) => ({ count, isRight: Boolean(key) && at === i })) }));
    renew(place("table"), JSON.stringify(rows), () => makeHeat(t("order.heat"), items.map((_, i) => number(i + 1)), rows));
  }
  renew(place("note"), String(total), () => h("p", { class: "small soft" }, peopleText(total)));
}
