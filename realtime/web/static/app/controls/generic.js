/** For types without a control of their own: plain text, or JSON where the text is an object. */

import { h, write } from "../dom.js";
import { t } from "../i18n.js";
import { field, mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const text = h("textarea", { id: `answer-${activity.id}`, maxLength: 10_000, rows: 4 });
  const hint = h("p", { class: "small soft", role: "status" });
  text.addEventListener("input", () => write(hint, isDocument(readData(text.value)) ? t("generic.json") : ""));
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [field(t("generic.answer"), text, hint)],
    peek: () => readData(text.value),
    show: (answer) => (text.value = written(answer)),
    lock: (locked) => (text.disabled = locked),
    fault: () => (text.value.trim() ? null : ""),
  });
}

/** What was typed, as an answer. */
export function readData(typed) {
  const text = typed.trim();
  try {
    const data = JSON.parse(text);
    if (typeof data === "object" && data !== null && !Array.isArray(data)) return data;
  } catch {
    // not JSON, so it is text
  }
  return { text };
}

function isDocument(data) {
  return typeof data.text !== "string" || Object.keys(data).length > 1;
}

function written(data) {
  if (!data) return "";
  return isDocument(data) ? JSON.stringify(data, null, 2) : data.text;
}
