/** Points on a picture as a heat map, with the right places once they may be seen. */

import { fill, h, s } from "../dom.js";
import { percent, t } from "../i18n.js";
import { makePicture, setPlace } from "../controls/hotspot.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { makeDataTable } from "./heat.js";
import { peopleText } from "./poll.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { image, regions = [] } = activity.config.settings;
  const place = placesIn(element);
  const { cols, rows, cells } = view.grid;
  const figures = [[t("quiz.right"), view.correct_fraction !== undefined && percent(view.correct_fraction)], [t("spot.points"), view.points]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  if (!element.plenumPicture) {
    const heat = s("svg", { class: "heat-layer", viewBox: `0 0 ${cols} ${rows}`, preserveAspectRatio: "none", role: "img", "aria-label": t("spot.heat") });
    const marks = h("div", { class: "marks" });
    fill(place("picture"), h("div", { class: "picture locked" }, makePicture(image), heat, marks));
    element.plenumPicture = { heat, marks };
  }
  const { heat, marks } = element.plenumPicture;
  const most = Math.max(1, ...Object.values(cells));
  const spots = Object.entries(cells).map(([key, count]) => {
    const [column, row] = key.split("-").map(Number);
    return s("ellipse", { cx: column + 0.5, cy: row + 0.5, rx: 0.9 + (count / most) * 0.9, ry: (0.9 + (count / most) * 0.9) * (image.width / image.height) * (rows / cols), class: "spot", opacity: 0.35 + (0.6 * count) / most });
  });
  heat.replaceChildren(...spots, ...regions.map((region) => outline(region, cols, rows, image)));
  fill(marks, ...(own?.data?.points ?? []).map((point) => {
    const mark = h("span", { class: "mark", title: t("card.yours") });
    setPlace(mark, point);
    return mark;
  }));
  const zones = zonesOf(view.grid);
  renew(place("table"), JSON.stringify(zones), () => view.points > 0 && makeDataTable(t("chart.asTable"), [t("spot.zone"), t("chart.count")], zones.map(([zone, count]) => [t(`spot.zone.${zone}`), count])));
  renew(place("note"), String(counts?.responses), () => h("p", { class: "small soft" }, peopleText(counts?.responses ?? 0)));
}

/** How many points lie in each ninth of the picture, row by row; what a heat map says in words. */
export function zonesOf({ cols, rows, cells }) {
  const zones = Array(9).fill(0);
  for (const [key, count] of Object.entries(cells)) {
    const [column, row] = key.split("-").map(Number);
    zones[Math.min(2, Math.floor((3 * (row + 0.5)) / rows)) * 3 + Math.min(2, Math.floor((3 * (column + 0.5)) / cols))] += count;
  }
  return zones.map((count, i) => [i, count]).filter(([, count]) => count > 0);
}

function outline({ shape, coords, correct }, cols, rows, image) {
  const shared = { class: correct ? "region right" : "region", "vector-effect": "non-scaling-stroke" };
  const [a, b, c, d] = coords;
  if (shape === "rect") return s("rect", { x: a * cols, y: b * rows, width: (c - a) * cols, height: (d - b) * rows, ...shared });
  if (shape === "poly") {
    const corners = Array.from({ length: coords.length / 2 }, (_, i) => `${coords[2 * i] * cols},${coords[2 * i + 1] * rows}`);
    return s("polygon", { points: corners.join(" "), ...shared });
  }
  const ry = shape === "circle" ? (c * image.width) / image.height : d;
  return s("ellipse", { cx: a * cols, cy: b * rows, rx: c * cols, ry: ry * rows, ...shared });
}
