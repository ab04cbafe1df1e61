/** An estimate by card, in secret until all cards are turned. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { mountForm } from "./form.js";
import { makeConfidence } from "./quiz.js";

const DECKS = {
  fibonacci: ["0", "1", "2", "3", "5", "8", "13", "21", "34", "55", "89"],
  modified_fibonacci: ["0", "½", "1", "2", "3", "5", "8", "13", "20", "40", "100"],
  tshirt: ["XXS", "XS", "S", "M", "L", "XL", "XXL"],
  powers_of_two: ["1", "2", "4", "8", "16", "32", "64"],
  custom: [],
};

/** The cards on the table. */
export function cardsOf({ cards, deck = "fibonacci" }) {
  return cards ?? [...DECKS[deck], "?", "coffee"];
}

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { settings } = activity.config;
  const { story } = settings;
  const inputs = cardsOf(settings).map((card) => h("input", { type: "radio", name: `card-${activity.id}`, value: card, "aria-label": card === "coffee" ? t("poker.coffee") : card }));
  const deck = h("div", { class: "deck" }, ...inputs.map((input) => h("label", { class: "poker-card" }, input, h("span", { "aria-hidden": "true" }, input.value === "coffee" ? "☕" : input.value))));
  const sure = settings.ask_confidence ? makeConfidence(activity.id) : { parts: [], read: () => ({}), show() {}, lock() {} };
  const details = [story.key, story.description, story.acceptance_criteria].filter(Boolean);
  const about = details.length > 0 && h("div", { class: "story" }, ...details.map((text) => h("p", { class: "pre small" }, text)));
  const fieldset = h("fieldset", { class: "stack-s" }, h("legend", { class: "small soft" }, t("poker.choose")), deck);
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [about, fieldset, ...sure.parts].filter(Boolean),
    peek: () => ({ estimate: inputs.find((input) => input.checked)?.value ?? null, ...sure.read() }),
    show(answer) {
      for (const input of inputs) input.checked = answer?.estimate === input.value;
      sure.show(answer);
    },
    lock(locked) {
      for (const input of inputs) input.disabled = locked;
      sure.lock(locked);
    },
    fault: ({ estimate }) => (estimate === null ? "" : null),
  });
}
