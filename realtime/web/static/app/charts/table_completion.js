/** A table to fill in: how far people got; for presenters which cells were right. */

import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { gridOf } from "../controls/table_completion.js";
import { drawColumns } from "./columns.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { bundled } from "./rating.js";

export function draw(element, activity, view) {
  const { settings } = activity.config;
  const place = placesIn(element);
  const { completion, scores } = view;
  const figures = [[t("table.handedIn"), number(view.submitted)], [t("table.cells"), `${number(completion.mean_cells)} / ${number(completion.required)}`], [t("table.complete"), number(completion.complete)], [t("chart.score"), scores && view.submitted > 0 && number(scores.mean)]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  renew(place("table"), JSON.stringify([view.cells, settings.cells]), () => (view.cells || settings.cells.some((cell) => cell.expectedAnswer)) && makeTable(settings, view));
  const entries = Object.entries(scores?.distribution ?? {}).sort((a, b) => Number(a[0]) - Number(b[0]));
  if (entries.length < 2) return;
  renew(place("scores-title"), "", () => h("p", { class: "small soft caption" }, t("table.scores")));
  drawColumns(place("scores"), bundled(entries).map(({ values, count }) => ({ label: number(Number(values[0])), count })), t("table.scores"));
}

function makeTable(settings, view) {
  const cells = new Map(settings.cells.map((cell) => [`${cell.rowIndex}-${cell.colIndex}`, cell]));
  const body = gridOf(settings).map((row) => h("tr", {}, ...row.map((each) => {
    if (!each.isGap) return h("td", {}, each.text);
    const found = view.cells?.[each.key];
    const share = found?.answered ? found.correct / found.answered : 0;
    const wrong = found?.top_wrong?.[0];
    const cell = h("td", {}, h("strong", {}, cells.get(each.key).expectedAnswer ?? "…"),
      found && h("span", { class: "small" }, t("table.right", { share: percent(share), n: found.answered })), wrong && h("span", { class: "small" }, t("table.wrong", { text: wrong.text, n: wrong.count })));
    if (found) cell.style.setProperty("--heat", `${Math.round(4 + 44 * share)}%`);
    return cell;
  })));
  return h("div", { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": t("table.heat") }, h("table", { class: "heat answers" },
    h("thead", {}, h("tr", {}, ...settings.headers.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...body)));
}
