/** Ratings: for one statement the scale as columns, for several the means as bars with their spread. */

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { drawBars } from "./bars.js";
import { drawColumns } from "./columns.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { makeHeat } from "./heat.js";
import { peopleText, rounded } from "./poll.js";

const COLUMNS_MOST = 25;

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { settings } = activity.config;
  const place = placesIn(element);
  const only = settings.items.length === 1 ? settings.items[0] : null;
  if (only) drawOne(place, settings, view.items[only.id], own?.data?.ratings?.[only.id]);
  else drawMany(place, settings, view, own);
  const nps = typeof view.nps === "number" && [[t("rating.nps"), rounded(view.nps)]];
  renew(place("nps"), JSON.stringify(nps), () => nps && makeFigures(nps));
}

function drawOne(place, settings, item, given) {
  const { mean, median, n, distribution } = item;
  renew(place("figures"), JSON.stringify([mean, median, n]), () => makeFigures([[t("chart.mean"), mean !== null && rounded(mean)], [t("chart.median"), median !== null && rounded(median)], [t("chart.answers"), number(n)]]));
  const columns = bundled(valuesOf(distribution)).map(({ values, count }) => ({
    label: values.length === 1 ? (settings.labels?.[values[0]] && settings.kind !== "nps" ? `${numberOf(values[0])} · ${settings.labels[values[0]]}` : numberOf(values[0])) : `${numberOf(values[0])}–${numberOf(values.at(-1))}`,
    count,
    isOwn: given !== undefined && values.includes(String(given)),
    isMarked: mean !== null && values.some((value) => Math.abs(Number(value) - mean) <= (settings.step ?? 1) / 2),
  }));
  drawColumns(place("columns"), columns, t("rating.distribution"));
}

function drawMany(place, settings, view, own) {
  const { min = 1, max = 5 } = settings;
  const share = (value) => (100 * (value - min)) / (max - min);
  const best = Math.max(...settings.items.map((item) => view.items[item.id].mean ?? -Infinity));
  const rows = settings.items.map(({ id, text }) => {
    const { n, mean, stdev } = view.items[id];
    const spread = mean !== null && stdev ? [Math.max(0, share(mean - stdev)), Math.min(100, share(mean + stdev))] : null;
    const given = own?.data?.ratings?.[id];
    const detail = given === undefined ? t("rating.of", { n }) : t("rating.yours", { value: given });
    return { id, text, share: mean === null ? 0 : share(mean), value: mean === null ? "–" : rounded(mean), detail, isTop: mean !== null && mean === best, spread };
  });
  const most = Math.max(...settings.items.map((item) => view.items[item.id].n));
  drawBars(place("bars"), rows, peopleText(most));
  const values = valuesOf(view.items[settings.items[0].id].distribution);
  if (values.length > COLUMNS_MOST) return;
  const cells = settings.items.map(({ id, text }) => ({ text, cells: values.map(([value]) => ({ count: view.items[id].distribution[value] })) }));
  renew(place("table"), JSON.stringify(cells), () => h("details", { class: "as-table" }, h("summary", {}, t("rating.distribution")), makeHeat(t("rating.distribution"), values.map(([value]) => numberOf(value)), cells)));
}

/** Values with their counts, from the least: the keys of a document come in the order of integers first. */
function valuesOf(distribution) {
  return Object.entries(distribution).sort((a, b) => Number(a[0]) - Number(b[0]));
}

/** At most as many columns as can be told apart: neighbours go together. */
export function bundled(entries, most = COLUMNS_MOST) {
  const each = Math.ceil(entries.length / most);
  return Array.from({ length: Math.ceil(entries.length / each) }, (_, i) => {
    const some = entries.slice(i * each, (i + 1) * each);
    return { values: some.map(([value]) => value), count: some.reduce((sum, [, count]) => sum + count, 0) };
  });
}

function numberOf(value) {
  return number(Number(value));
}
