/** When the answers of a round came: a curve of all answers so far, its sentence, and its numbers as a table. */

import { h, s } from "../dom.js";
import { language, number, percent, t } from "../i18n.js";

const WIDTH = 600;
const HEIGHT = 120;

/** @param {{seconds: number, counts: number[], responses: number, first_at: string, last_at: string}} course */
export function drawCourse(course) {
  const sums = sumsOf(course.counts);
  const total = Math.max(1, sums.at(-1) ?? 0);
  const half = course.seconds * (sums.findIndex((sum) => sum >= total / 2) + 1);
  const length = (Date.parse(course.last_at) - Date.parse(course.first_at)) / 1_000;
  const said = t("course.said", { n: course.responses, half: spanText(half), all: spanText(Math.max(course.seconds, length)) });
  const step = WIDTH / sums.length;
  const points = [[0, HEIGHT], ...sums.map((sum, i) => [(i + 1) * step, HEIGHT - (sum / total) * (HEIGHT - 6)])];
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const drawing = s("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("polygon", { points: `${line} ${WIDTH},${HEIGHT}` }), s("polyline", { points: line }));
  return h("div", { class: "course stack" },
    h("h3", {}, t("course.title")), h("p", { class: "soft" }, said),
    h("div", { class: "axis" }, drawing, h("div", { class: "ends" }, h("span", {}, timeText(course.first_at)), h("span", {}, timeText(course.last_at)))),
    makeTable(course, sums, total));
}

/** Running sums. @param {number[]} counts */
export function sumsOf(counts) {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

function makeTable({ counts, seconds }, sums, total) {
  const rows = counts.map((count, i) => [i, count]).filter(([, count]) => count > 0);
  return h("details", {}, h("summary", {}, t("results.asNumbers")),
    h("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": t("course.title") }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("course.until")), h("th", { scope: "col" }, t("course.new")), h("th", { scope: "col" }, t("course.sum")), h("th", { scope: "col" }, t("course.share")))),
      h("tbody", {}, ...rows.map(([i, count]) => h("tr", {}, h("th", { scope: "row" }, spanText((i + 1) * seconds)), h("td", {}, number(count)), h("td", {}, number(sums[i])), h("td", {}, percent(sums[i] / total))))))));
}

/** A length of time in its largest fitting unit. */
export function spanText(seconds) {
  const [unit, size] = seconds >= 172_800 ? ["day", 86_400] : seconds >= 7_200 ? ["hour", 3_600] : seconds >= 120 ? ["minute", 60] : ["second", 1];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: unit === "second" && seconds >= 10 ? 0 : 1 }).format(seconds / size);
}

function timeText(moment) {
  return new Date(moment).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
