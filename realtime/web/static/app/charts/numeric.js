/** Numbers: a histogram, and where its middle lies. */

import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { drawColumns } from "./columns.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { peopleText, rounded } from "./poll.js";
import { makeVerdict } from "./quiz.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { unit, correct, decimals = 2, tolerance } = activity.config.settings;
  const place = placesIn(element);
  const written = (value) => (value === undefined || value === null ? null : `${rounded(value, Math.max(1, decimals))}${unit ? ` ${unit}` : ""}`);
  const given = own?.data?.value;
  const isKnown = correct !== undefined && correct !== null;
  renew(place("verdict"), JSON.stringify([given, correct]), () => isKnown && given !== undefined && makeVerdict(isNear(given, correct, tolerance)));
  const figures = [[t("number.right"), isKnown && written(correct)], [t("chart.mean"), written(view.mean)], [t("chart.median"), written(view.median)],
    [t("quiz.right"), view.correct_fraction !== undefined && isKnown && percent(view.correct_fraction)], [t("chart.range"), view.n > 0 && view.min !== undefined && `${number(view.min)} – ${number(view.max)}`]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  if (view.histogram) drawColumns(place("columns"), columnsOf(view.histogram, isKnown ? correct : null, given), t("number.histogram"));
  renew(place("note"), String(view.n), () => h("p", { class: "small soft" }, peopleText(view.n ?? 0)));
}

/** The columns of a histogram; the last one includes its upper edge. */
export function columnsOf({ edges, counts }, correct, given) {
  const holds = (i, value) => value !== null && value !== undefined && value >= edges[i] && (value < edges[i + 1] || (i === counts.length - 1 && value <= edges[i + 1]));
  const isWhole = edges.every((edge, i) => i === 0 || edge - edges[i - 1] === 1) && edges.every(Number.isInteger);
  return counts.map((count, i) => ({
    label: isWhole ? number(edges[i]) : `${number(edges[i])}–${number(edges[i + 1])}`, count, isMarked: holds(i, correct), isOwn: holds(i, given),
  }));
}

function isNear(given, correct, { mode = "exact", value = 0 } = {}) {
  const reach = mode === "exact" ? 0 : mode === "relative" ? (Math.abs(correct) * value) / 100 : value;
  return Math.abs(given - correct) <= reach + 1e-9;
}
