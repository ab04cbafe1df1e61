/** The questions of a survey: each with a type and the fields of that type. */

import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { IN_SURVEY } from "./forms.js";

const MOST = 50;

/** @param {Object} settings of the survey @param {Function} makeFields of `fields.js`, which makes this field itself */
export function makeQuestions(settings, makeFields) {
  const list = h("ol", { class: "stack" });
  const rows = [];
  const add = h("button", { type: "button", on: { click: () => insert({ type: "poll", settings: {} }) } }, icon("plus"), t("build.addQuestion"));

  function insert({ id = null, type, settings: given, required = false, title }) {
    const kind = h("select", { "aria-label": t("build.kind") }, ...[...new Set([...IN_SURVEY, type])].map((each) => h("option", { value: each }, t(`kind.${each}`))));
    const must = h("input", { type: "checkbox", checked: required });
    const remove = h("button", { type: "button", class: "icon-button push", "aria-label": t("build.removeQuestion") }, icon("bin"));
    const place = h("div", {});
    kind.value = type;
    const row = { id, title, fields: makeFields(type, given), kind, must };
    row.item = h("li", { class: "sub-question stack" }, h("div", { class: "row" }, h("span", { class: "field inline" }, kind), h("label", { class: "tick" }, must, t("field.required")), remove), place);
    fill(place, row.fields.element);
    kind.addEventListener("change", () => {
      row.fields = makeFields(kind.value, {});
      fill(place, row.fields.element);
    });
    remove.addEventListener("click", () => {
      rows.splice(rows.indexOf(row), 1);
      render();
    });
    rows.push(row);
    render();
  }

  function render() {
    fill(list, ...rows.map((row) => row.item));
    add.disabled = rows.length >= MOST;
  }

  for (const item of settings.items ?? [{ type: "poll", settings: {} }]) insert(item);
  return {
    element: h("fieldset", { class: "stack" }, h("legend", {}, t("field.questions")), list, h("div", { class: "row" }, add)),
    read() {
      const taken = new Set(rows.map((row) => row.id));
      const free = Array.from({ length: 2 * MOST }, (_, i) => `q${i + 1}`).filter((id) => !taken.has(id));
      const items = rows.map((row) => ({ id: row.id ?? free.shift(), type: row.kind.value, required: row.must.checked, settings: row.fields.read(), ...(row.title ? { title: row.title } : {}) }));
      return { items, show_if: settings.show_if ?? {} };
    },
  };
}
