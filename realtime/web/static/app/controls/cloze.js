/** A text with blanks, filled in where they stand. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountForm } from "./form.js";

const GAP = /\{\{([A-Za-z0-9_-]{1,40})\}\}/;

/** The text cut at its blanks: texts and ids in turn, a text first. */
export function piecesOf(text) {
  return text.split(GAP);
}

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { text, blanks } = activity.config.settings;
  const inputs = new Map();
  const makeGap = (id, at) => {
    const label = t("cloze.blank", { n: at });
    const blank = blanks[id];
    const input = blank.kind === "choice"
      ? h("select", { "aria-label": label }, h("option", { value: "" }, "…"), ...blank.options.map((option) => h("option", { value: option }, option)))
      : h("input", { type: "text", maxLength: 200, autocomplete: "off", autocapitalize: "none", spellcheck: false, "aria-label": label });
    inputs.set(id, input);
    return h("span", { class: "gap" }, input);
  };
  const parts = piecesOf(text).map((piece, i) => (i % 2 ? makeGap(piece, (i + 1) / 2) : piece));
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [h("p", { class: "cloze pre" }, ...parts)],
    peek: () => ({ blanks: Object.fromEntries([...inputs].map(([id, input]) => [id, input.value.trim()])) }),
    show(answer) {
      for (const [id, input] of inputs) input.value = answer?.blanks?.[id] ?? "";
    },
    lock: (locked) => inputs.forEach((input) => (input.disabled = locked)),
    fault({ blanks: given }) {
      const empty = Object.values(given).filter((each) => !each).length;
      return empty === inputs.size ? "" : null;
    },
  });
}
