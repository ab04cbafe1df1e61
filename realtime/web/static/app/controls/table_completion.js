/** A table with cells to fill in; on a phone each row stands as a block of its own. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountForm } from "./form.js";

const LONGEST = 500;

/** All positions of a table, row by row; one without a cell is locked and empty. */
export function gridOf({ rows, columns, cells }) {
  const byKey = new Map(cells.map((cell) => [`${cell.rowIndex}-${cell.colIndex}`, cell]));
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const cell = byKey.get(`${row}-${column}`);
      return { key: `${row}-${column}`, isGap: cell?.cellType === "editable", text: cell?.lockedValue ?? "", marks: cell?.marks };
    }),
  );
}

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { settings } = activity.config;
  const { headers } = settings;
  const inputs = new Map();
  const makeCell = (cell, column, row) => {
    const name = [row.find((each) => !each.isGap && each.text)?.text, headers[column]].filter(Boolean).join(", ");
    if (!cell.isGap) return column === 0 ? h("th", { scope: "row", data: { label: headers[column] } }, cell.text) : h("td", { data: { label: headers[column] } }, cell.text);
    const input = h("input", { type: "text", maxLength: LONGEST, autocomplete: "off", "aria-label": name });
    inputs.set(cell.key, input);
    return h("td", { class: "gap-cell", data: { label: headers[column] } }, input);
  };
  const head = h("thead", {}, h("tr", {}, ...headers.map((text) => h("th", { scope: "col" }, text))));
  const body = h("tbody", {}, ...gridOf(settings).map((row) => h("tr", {}, ...row.map((cell, column) => makeCell(cell, column, row)))));
  const note = settings.description && h("p", { class: "soft" }, settings.description);
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [note, h("div", { class: "table-scroll" }, h("table", { class: "fill-table" }, head, body))].filter(Boolean),
    peek: () => ({ value: { studentAnswers: Object.fromEntries([...inputs].map(([key, input]) => [key, input.value.trim()])) }, final: true }),
    show(answer) {
      for (const [key, input] of inputs) input.value = answer?.value?.studentAnswers?.[key] ?? "";
    },
    lock: (locked) => inputs.forEach((input) => (input.disabled = locked)),
    fault({ value }) {
      const empty = Object.values(value.studentAnswers).filter((text) => !text).length;
      return empty === inputs.size ? "" : null;
    },
  });
}
