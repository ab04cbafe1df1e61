/** Columns side by side for what has an order of its own: scales, histograms. Each column's figures are text. */

import { fill, h, write } from "../dom.js";
import { number } from "../i18n.js";

const NARROW_LABELS = 8; // that a phone has room for, if they are short
const SHORT = 3;

/**
 * @param {HTMLElement} element
 * @param {{label: string, count: number, isMarked?: boolean, isOwn?: boolean}[]} columns
 * @param {string} name what is shown, for those who do not see it
 */
export function drawColumns(element, columns, name) {
  const drawing = (element.plenumColumns ??= makeColumns(element, name));
  drawing(columns);
}

function makeColumns(element, name) {
  const list = h("ol", { class: "columns", "aria-label": name });
  const rows = [];
  fill(element, list);
  return (columns) => {
    const most = Math.max(1, ...columns.map((each) => each.count));
    // With many columns only some are labelled, or the labels would run into one another.
    const each = Math.ceil(columns.length / 12);
    const eachNarrow = Math.ceil(columns.length / NARROW_LABELS) * (columns.some(({ label }) => label.length > SHORT) ? 2 : 1);
    while (rows.length < columns.length) {
      const count = h("span", { class: "count" });
      const bar = h("div", { class: "fill" });
      const label = h("span", { class: "label" });
      rows.push({ item: h("li", {}, h("div", { class: "shaft" }, count, bar), label), count, bar, label });
    }
    columns.forEach(({ label, count, isMarked, isOwn }, i) => {
      const row = rows[i];
      write(row.count, count ? number(count) : "");
      write(row.label, label);
      row.label.classList.toggle("skipped", i % each !== 0);
      row.label.classList.toggle("spare", columns.length > NARROW_LABELS && i % eachNarrow !== 0);
      row.bar.style.height = `${(100 * count) / most}%`;
      row.item.className = [isMarked ? "top" : "", isOwn ? "own" : ""].join(" ");
    });
    fill(list, ...rows.slice(0, columns.length).map((row) => row.item));
  };
}
