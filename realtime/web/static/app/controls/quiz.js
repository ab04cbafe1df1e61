/** A quiz question's control: the choice, and how sure one is where that is asked. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountChoice } from "./choice.js";

const LEVELS = ["low", "medium", "high"];

export function mount(element, activity, own, submit, { onChange } = {}) {
  const given = { activity, own, submit, onChange };
  return activity.config.settings.ask_confidence ? mountChoice(element, given, makeConfidence(activity.id)) : mountChoice(element, given);
}

/** Low, medium or high: an addition that may be left out. */
export function makeConfidence(id) {
  const inputs = LEVELS.map((level) => h("input", { type: "radio", name: `sure-${id}`, value: level }));
  const rows = inputs.map((input) => h("label", { class: "point wide" }, input, h("span", {}, t(`sure.${input.value}`))));
  const element = h("fieldset", { class: "scale-field" }, h("legend", { class: "small soft" }, t("sure.question")), h("div", { class: "scale" }, ...rows));
  return {
    parts: [element],
    read() {
      const chosen = inputs.find((input) => input.checked);
      return chosen ? { confidence: chosen.value } : {};
    },
    show(answer) {
      for (const input of inputs) input.checked = answer?.confidence === input.value;
    },
    lock(locked) {
      for (const input of inputs) input.disabled = locked;
    },
  };
}
