/** Lists of the builder: options, items and pairs, a line each; Enter makes the next one. */

import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { letter } from "../controls/choice.js";

/**
 * Lines with ids. A line that was there keeps its id, whatever its text says now: answers refer to ids.
 * `key` names the setting that lists the right ones, `hasMany` offers how many may be chosen.
 */
export function makeOptions({ name, label, least, most, key = null, hasMany = false }, settings) {
  const list = h("ol", { class: "edit-options" });
  const many = h("select", { id: "many" });
  const rows = [];
  const right = new Set(key ? (settings[key] ?? []) : []);
  const add = h("button", { type: "button", class: "plain", on: { click: () => insert(rows.length, {}).focus() } }, icon("plus"), t("build.addOption"));

  function insert(at, { id, text = "" }) {
    const input = h("input", { type: "text", maxLength: 200, value: text, autocomplete: "off" });
    const mark = h("span", { class: "letter", "aria-hidden": "true" });
    const remove = h("button", { type: "button", class: "icon-button" }, icon("cross"));
    const box = key && h("input", { type: "checkbox", checked: right.has(id) });
    const row = { id, input, mark, remove, box, item: h("li", {}, mark, input, box && h("label", { class: "mark-right", title: t("field.correct") }, box), remove) };
    remove.addEventListener("click", () => {
      rows.splice(rows.indexOf(row), 1);
      render();
      (rows.at(-1)?.input ?? add).focus();
      list.dispatchEvent(new Event("input", { bubbles: true }));
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      const next = rows[rows.indexOf(row) + 1];
      if (next) next.input.focus();
      else if (input.value.trim() && rows.length < most) insert(rows.length, {}).focus();
    });
    rows.splice(at, 0, row);
    render();
    return input;
  }

  function render() {
    rows.forEach((row, i) => {
      row.mark.textContent = label === "itemsInOrder" ? String(i + 1) : letter(i);
      row.input.setAttribute("aria-label", t("build.option", { letter: letter(i) }));
      row.box?.setAttribute("aria-label", t("build.isCorrect", { letter: letter(i) }));
      row.remove.setAttribute("aria-label", t("build.removeOption", { letter: letter(i) }));
      row.remove.disabled = rows.length <= least;
    });
    fill(list, ...rows.map((row) => row.item));
    add.disabled = rows.length >= most;
    const chosen = many.value || String(settings.max_choices ?? 1);
    fill(many, ...rows.map((_, i) => h("option", { value: i + 1 }, i === 0 ? t("build.manyOne") : t("build.manyUpTo", { n: i + 1 }))));
    many.value = String(Math.min(Number(chosen), rows.length));
  }

  (settings[name] ?? Array.from({ length: least }, () => ({}))).forEach((option, i) => insert(i, option));
  render();
  const filled = () => rows.filter((row) => row.input.value.trim());
  return {
    element: h("fieldset", { class: "stack" }, h("legend", {}, t(`field.${label}`)), key && h("p", { class: "small soft" }, t("build.correctHint")), list,
      h("div", { class: "row" }, add, hasMany && h("span", { class: "field inline push" }, h("label", { htmlFor: "many" }, t("build.many")), many))),
    read() {
      const taken = new Set(filled().map((row) => row.id));
      const free = Array.from({ length: 2 * most }, (_, i) => (i < 26 ? String.fromCharCode(97 + i) : `o${i}`)).filter((id) => !taken.has(id));
      const ids = new Map(filled().map((row) => [row, row.id ?? free.shift()]));
      const lines = filled().map((row) => ({ id: ids.get(row), text: row.input.value.trim() }));
      const correct = key ? { [key]: filled().filter((row) => row.box.checked).map((row) => ids.get(row)) } : {};
      const choices = hasMany ? { min_choices: 1, max_choices: Math.max(1, Math.min(Number(many.value), lines.length)) } : {};
      return { [name]: lines, ...correct, ...choices };
    },
  };
}

const PAIRS_MOST = 20;

/** Pairs that belong together: left and right on one line. */
export function makePairs(_, settings) {
  const list = h("ol", { class: "edit-options" });
  const rows = [];
  const add = h("button", { type: "button", class: "plain", on: { click: () => insert().focus() } }, icon("plus"), t("build.addPair"));

  function insert(left = "", right = "") {
    const inputs = [["left", left], ["right", right]].map(([side, value]) => h("input", { type: "text", maxLength: 200, value, autocomplete: "off", "aria-label": t(`field.${side}`), placeholder: t(`field.${side}`) }));
    const remove = h("button", { type: "button", class: "icon-button", "aria-label": t("build.removePair") }, icon("cross"));
    const row = { inputs, item: h("li", { class: "pair-row" }, ...inputs, remove) };
    remove.addEventListener("click", () => {
      rows.splice(rows.indexOf(row), 1);
      render();
    });
    rows.push(row);
    render();
    return inputs[0];
  }

  function render() {
    fill(list, ...rows.map((row) => row.item));
    add.disabled = rows.length >= PAIRS_MOST;
  }

  const textOf = (side, id) => settings[side].find((item) => item.id === id)?.text ?? "";
  if (settings.pairs) for (const [left, right] of Object.entries(settings.pairs)) insert(textOf("left", left), textOf("right", right));
  while (rows.length < 3) insert();
  return {
    element: h("fieldset", { class: "stack" }, h("legend", {}, t("field.pairs")), list, h("div", { class: "row" }, add)),
    read: () => pairsOf(rows.map((row) => row.inputs.map((input) => input.value.trim()))),
  };
}

/** Lines of two texts as settings: equal texts on the right are one thing, which makes them categories. */
export function pairsOf(lines) {
  const whole = lines.filter(([left, right]) => left && right);
  const texts = [...new Set(whole.map(([, right]) => right))];
  const right = texts.map((text, i) => ({ id: `r${i + 1}`, text }));
  const left = whole.map(([text], i) => ({ id: `l${i + 1}`, text }));
  const pairs = Object.fromEntries(whole.map(([, text], i) => [`l${i + 1}`, `r${texts.indexOf(text) + 1}`]));
  return { left, right, pairs, right_reusable: texts.length < whole.length };
}
