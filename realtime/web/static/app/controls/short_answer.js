/** A word or a short text. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { max_length: length = 100 } = activity.config.settings;
  const text = h("input", { type: "text", id: `short-${activity.id}`, class: "tall", maxLength: length, autocomplete: "off", "aria-label": t("generic.answer"), placeholder: t("generic.answer"), enterKeyHint: "send" });
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [text],
    peek: () => ({ text: text.value.trim() }),
    show: (answer) => (text.value = answer?.text ?? ""),
    lock: (locked) => (text.disabled = locked),
    fault: ({ text: given }) => (given ? null : ""),
  });
}
