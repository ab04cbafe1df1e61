/** Pairs to be found: for each thing on the left, a choice of those on the right. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { left, right, right_reusable: isReusable } = activity.config.settings;
  const rows = left.map((item) => {
    const select = h("select", { id: `match-${activity.id}-${item.id}` }, h("option", { value: "" }, t("match.choose")), ...right.map((each) => h("option", { value: each.id }, each.text)));
    return { id: item.id, select, element: h("div", { class: "match-row" }, h("label", { htmlFor: select.id }, item.text), h("span", { class: "joint", "aria-hidden": "true" }), select) };
  });
  const body = h("div", { class: "stack-s" }, ...rows.map((row) => row.element));
  const mark = () => {
    const used = new Set(rows.map((row) => row.select.value).filter(Boolean));
    for (const row of rows) {
      row.element.classList.toggle("chosen", row.select.value !== "");
      if (isReusable) continue;
      for (const option of row.select.options) {
        const text = right.find((each) => each.id === option.value)?.text;
        if (text !== undefined) option.textContent = used.has(option.value) && option.value !== row.select.value ? t("match.taken", { text }) : text;
      }
    }
  };
  body.addEventListener("input", ({ target }) => {
    // What is chosen here is taken from where it was: nobody must undo one pair before making another.
    if (!isReusable && target.value) for (const row of rows) if (row.select !== target && row.select.value === target.value) row.select.value = "";
    mark();
  });
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [body],
    peek: () => ({ pairs: Object.fromEntries(rows.filter((row) => row.select.value).map((row) => [row.id, row.select.value])) }),
    show(answer) {
      for (const row of rows) row.select.value = answer?.pairs?.[row.id] ?? "";
      mark();
    },
    lock: (locked) => rows.forEach((row) => (row.select.disabled = locked)),
    fault({ pairs }) {
      const missing = Math.min(rows.length, isReusable ? rows.length : right.length) - Object.keys(pairs).length;
      return missing === rows.length ? "" : missing > 0 ? t("match.missing", { n: missing }) : null;
    },
  });
}
