/** A number, typed as people write numbers. */

import { h } from "../dom.js";
import { language, number, t } from "../i18n.js";
import { mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { min = null, max = null, decimals = 2, unit } = activity.config.settings;
  const bounds = boundsText(min, max);
  const text = h("input", {
    type: "text", inputMode: min !== null && min >= 0 ? "decimal" : "text", id: `number-${activity.id}`, class: "tall figure-input", maxLength: 24,
    autocomplete: "off", enterKeyHint: "send", "aria-label": [t("number.label"), unit, bounds].filter(Boolean).join(", "), placeholder: bounds,
  });
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [h("div", { class: "with-unit" }, text, unit && h("span", { "aria-hidden": "true" }, unit))],
    peek: () => ({ value: readNumber(text.value) }),
    show: (answer) => (text.value = answer?.value === undefined || answer.value === null ? "" : answer.value.toLocaleString(language(), { useGrouping: false, maximumFractionDigits: 20 })),
    lock: (locked) => (text.disabled = locked),
    fault({ value }) {
      if (value === null) return text.value.trim() ? t("number.none") : "";
      if ((min !== null && value < min) || (max !== null && value > max)) return bounds;
      return decimalsOf(value) > decimals ? t(decimals ? "number.decimals" : "number.whole", { n: decimals }) : null;
    },
  });
}

/** A number as people type it, with a comma or a point and with marks between thousands; null where it is none. */
export function readNumber(typed) {
  const text = typed.replace(/[\s\u00a0\u202f'’]/g, "").replace("−", "-");
  const last = Math.max(text.lastIndexOf(","), text.lastIndexOf("."));
  const marks = text.replace(/[^.,]/g, "");
  const hasTwoKinds = marks.includes(",") && marks.includes(".");
  const whole = marks.length > 1 && !hasTwoKinds ? text.replace(/[.,]/g, "") : null; // 1.234.567
  const plain = whole ?? (last < 0 ? text : `${text.slice(0, last).replace(/[.,]/g, "")}.${text.slice(last + 1)}`);
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

function decimalsOf(value) {
  const [, rest = ""] = String(value).split(".");
  return rest.length;
}

function boundsText(min, max) {
  if (min !== null && max !== null) return t("number.between", { min: number(min), max: number(max) });
  if (min !== null) return t("number.from", { min: number(min) });
  return max !== null ? t("number.upTo", { max: number(max) }) : "";
}
