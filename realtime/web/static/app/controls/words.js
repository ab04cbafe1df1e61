/** Several short or long texts of one person: a field each, more of them on demand. */

import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @param {Object} options
 * @param {string} options.name of the ids of the fields
 * @param {number} options.most how many texts
 * @param {number} [options.first] how many fields there are at once
 * @param {number} options.length characters of each
 * @param {boolean} [options.isLong] several lines each
 * @param {(i: number) => string} options.label
 * @param {() => void} options.onAdd
 */
export function makeWords({ name, most, first = 1, length, isLong = false, label, onAdd }) {
  const fields = [];
  const list = h("div", { class: "stack-s" });
  const add = h("button", { type: "button", class: "plain", on: { click: () => grow().focus() } }, icon("plus"), t("words.more"));
  const element = h("div", { class: "stack-s" }, list, add);
  let isLocked = false;

  function grow() {
    const i = fields.length;
    const shared = { maxLength: length, "aria-label": label(i), placeholder: most > 1 ? label(i) : "", enterKeyHint: isLong ? "enter" : "next" };
    const field = isLong ? h("textarea", { id: `${name}-${i}`, rows: 4, ...shared }) : h("input", { type: "text", id: `${name}-${i}`, autocomplete: "off", ...shared });
    const left = h("span", { class: "small soft count-left", "aria-hidden": "true" });
    const count = () => (left.textContent = length - field.value.length < Math.max(10, length / 5) ? String(length - field.value.length) : "");
    field.addEventListener("input", count);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || isLong || i === fields.length - 1) return;
      event.preventDefault();
      fields[i + 1].focus();
    });
    fields.push(field);
    list.append(h("div", { class: "counted" }, field, left));
    render();
    onAdd?.();
    return field;
  }

  function render() {
    add.hidden = isLocked || fields.length >= most;
    for (const field of fields) field.disabled = isLocked;
  }

  while (fields.length < Math.min(first, most)) grow();
  return {
    element,
    read: () => fields.map((field) => field.value.trim()).filter(Boolean),
    show(texts = []) {
      while (fields.length < Math.min(most, texts.length)) grow();
      fields.forEach((field, i) => (field.value = texts[i] ?? ""));
    },
    lock(locked) {
      isLocked = locked;
      render();
    },
  };
}
