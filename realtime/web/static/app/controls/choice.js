/** One or several options to choose from, each a target for a thumb: the body of polls and quizzes. */

import { recall, remember } from "../browser.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { questionOf } from "../parts.js";
import { mountForm } from "./form.js";

const OTHER = "\u0000other"; // no option's id can be this

/**
 * @param {Object} [more] what a type adds below the options
 * @param {Node[]} more.parts
 * @param {() => Object} more.read fields for the answer
 * @param {(answer: Object|undefined) => void} more.show
 */
export function mountChoice(element, given, more = { parts: [], read: () => ({}), show() {} }) {
  const { activity } = given;
  const { options, min_choices: least = 1, max_choices: most = 1, shuffle, allow_other: hasOther } = activity.config.settings;
  const isMany = most > 1;
  const inputs = new Map();
  let isLocked = false;
  const otherText = h("input", { type: "text", maxLength: 200, placeholder: t("poll.otherExample"), "aria-label": t("poll.other"), hidden: true });
  const makeOption = (id, text, mark) => {
    const input = h("input", { type: isMany ? "checkbox" : "radio", name: `choice-${activity.id}`, value: id });
    inputs.set(id, input);
    return h("label", { class: "option" }, input, h("span", { class: "letter", "aria-hidden": "true" }, mark), h("span", {}, text));
  };
  const ordered = shuffle ? shuffled(options) : options;
  const rows = ordered.map((option, i) => makeOption(option.id, option.text, letter(i)));
  if (hasOther) rows.push(makeOption(OTHER, t("poll.other"), "…"), otherText);
  const hint = h("legend", { class: "small soft" }, hintText(least, most));
  const fieldset = h("fieldset", { class: `options ${isMany ? "many" : ""}`, "aria-label": `${questionOf(activity)}. ${hintText(least, most)}` }, hint, ...rows);
  const chosen = () => [...inputs].filter(([, input]) => input.checked).map(([id]) => id);
  const mark = () => {
    const count = chosen().length;
    otherText.hidden = !chosen().includes(OTHER);
    otherText.disabled = isLocked;
    hint.hidden = isLocked;
    for (const input of inputs.values()) {
      input.disabled = isLocked || (isMany && count >= most && !input.checked);
      input.parentElement.classList.toggle("chosen", input.checked);
      input.parentElement.classList.toggle("off", input.disabled);
    }
  };
  fieldset.addEventListener("input", mark);
  return mountForm(element, given, {
    parts: [fieldset, ...more.parts],
    peek() {
      const selected = chosen().filter((id) => id !== OTHER);
      const other = chosen().includes(OTHER) ? { other_text: otherText.value.trim() } : {};
      return { selected, ...other, ...more.read() };
    },
    show(answer) {
      for (const [id, input] of inputs) input.checked = id === OTHER ? Boolean(answer?.other_text) : (answer?.selected ?? []).includes(id);
      otherText.value = answer?.other_text ?? "";
      more.show(answer);
      mark();
    },
    lock(locked) {
      isLocked = locked;
      mark();
    },
    fault({ selected, other_text }) {
      const count = selected.length + (other_text === undefined ? 0 : 1);
      return count < least || count > most || other_text === "" ? "" : null;
    },
  });
}

export function letter(i) {
  return i < 26 ? String.fromCharCode(65 + i) : String(i + 1);
}

function hintText(least, most) {
  if (most === 1) return t("poll.one");
  if (least === most) return t("poll.exactly", { n: most });
  return least <= 1 ? t("poll.upTo", { n: most }) : t("poll.between", { least, n: most });
}

/** An order of this device's own, the same after a reload. */
export function shuffled(options) {
  const seed = recall("plenum.seed") ?? Math.floor(Math.random() * 2 ** 31);
  remember("plenum.seed", seed);
  const rank = ({ id }) => [...id].reduce((sum, char) => Math.imul(sum ^ char.codePointAt(0), 0x01000193), seed) >>> 0;
  return [...options].sort((a, b) => rank(a) - rank(b));
}
