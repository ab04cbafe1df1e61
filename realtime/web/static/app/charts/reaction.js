/** Reactions: how the room feels now, and how that came about. */

import { h, s, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { faceOf } from "../controls/reaction.js";
import { placesIn, renew } from "./figures.js";

export function draw(element, activity, view) {
  const { kinds, mode = "sustained" } = activity.config.settings;
  const place = placesIn(element);
  const shown = mode === "sustained" ? view.now : view.total;
  const most = Math.max(1, ...Object.values(shown));
  const rows = (element.plenumRows ??= new Map());
  if (rows.size === 0) {
    for (const kind of kinds) {
      const { name, picture } = faceOf(kind);
      const count = h("strong", {});
      const bubble = h("span", { class: "bubble" }, picture);
      rows.set(kind, { count, bubble, item: h("li", {}, bubble, count, h("span", { class: "small soft" }, name)) });
    }
    place("pulse").append(h("ul", { class: "pulse" }, ...[...rows.values()].map((row) => row.item)));
  }
  for (const [kind, row] of rows) {
    write(row.count, number(shown[kind] ?? 0));
    row.bubble.style.setProperty("--size", 0.7 + 0.5 * ((shown[kind] ?? 0) / most));
    row.item.classList.toggle("none", !shown[kind]);
  }
  renew(place("series"), JSON.stringify(view.series), () => (view.series ?? []).length > 2 && makeSeries(view.series, kinds));
}

/** All presses over time as one line of steps. */
function makeSeries(series, kinds) {
  const sums = series.map((step) => kinds.reduce((sum, kind) => sum + (step[kind] ?? 0), 0));
  const most = Math.max(1, ...sums);
  const bars = sums.map((sum, i) => s("rect", { x: i * 4, y: 24 - (24 * sum) / most, width: 3, height: (24 * sum) / most, rx: 1 }));
  return h("figure", { class: "series" }, s("svg", { viewBox: `0 0 ${series.length * 4} 24`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars), h("figcaption", { class: "small soft" }, t("react.series", { n: sums.at(-1) })));
}
