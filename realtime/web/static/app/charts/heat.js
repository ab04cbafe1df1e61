/** A heat map as a real table: the figure in each cell says it, the colour only helps. */

import { h } from "../dom.js";
import { number } from "../i18n.js";

/**
 * @param {string} caption
 * @param {string[]} columns
 * @param {{text: string, cells: {count: number, text?: string, isRight?: boolean}[]}[]} rows
 */
export function makeHeat(caption, columns, rows) {
  const most = Math.max(1, ...rows.flatMap((row) => row.cells.map((cell) => cell.count)));
  const head = h("tr", {}, h("td", {}), ...columns.map((text) => h("th", { scope: "col" }, text)));
  const body = rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.text), ...row.cells.map((cell) => makeCell(cell, most))));
  return h("div", { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": caption }, h("table", { class: "heat" }, h("caption", { class: "off-screen" }, caption), h("thead", {}, head), h("tbody", {}, ...body)));
}

function makeCell({ count, text, isRight = false }, most) {
  const cell = h("td", { class: isRight ? "right" : "" }, text ?? number(count));
  const share = count / most;
  // Never so dark that the figure in it could not be read.
  cell.style.setProperty("--heat", `${Math.round(4 + 44 * share)}%`);
  cell.classList.toggle("cold", count === 0);
  return cell;
}

/** What a picture shows, as rows, behind a line to open. */
export function makeDataTable(title, headers, rows) {
  const table = h("table", { class: "plain-table" }, h("thead", {}, h("tr", {}, ...headers.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((value) => h("td", {}, typeof value === "number" ? number(value) : value))))));
  return h("details", { class: "as-table" }, h("summary", {}, title), table);
}
