/** A poll's control: one or several choices, each a target for a thumb. */

import { recall, remember } from "../browser.js";
import { fill, h, write } from "../dom.js";
import { t } from "../i18n.js";
import { questionOf } from "../parts.js";

const OTHER = "\u0000other"; // no option's id can be this

export function mount(element, activity, own, submit) {
  const { options, min_choices: least = 1, max_choices: most = 1, shuffle, allow_other: hasOther } = activity.config.settings;
  const isMany = most > 1;
  const inputs = new Map();
  const otherText = h("input", { type: "text", maxLength: 200, placeholder: t("poll.otherExample"), "aria-label": t("poll.other"), hidden: true });
  const makeOption = (id, text, mark) => {
    const input = h("input", { type: isMany ? "checkbox" : "radio", name: `choice-${activity.id}`, value: id });
    inputs.set(id, input);
    return h("label", { class: "option" }, input, h("span", { class: "letter", "aria-hidden": "true" }, mark), h("span", {}, text));
  };
  const ordered = shuffle ? shuffled(options) : options;
  const rows = ordered.map((option, i) => makeOption(option.id, option.text, i < 26 ? String.fromCharCode(65 + i) : String(i + 1)));
  if (hasOther) rows.push(makeOption(OTHER, t("poll.other"), "…"), otherText);
  const hint = h("legend", { class: "small soft" }, hintText(least, most));
  const fieldset = h("fieldset", { class: `options ${isMany ? "many" : ""}`, "aria-label": `${questionOf(activity)}. ${hintText(least, most)}` }, ...rows);
  const send = h("button", { class: "primary large" });
  const footer = h("div", { class: "send" }, send);
  fieldset.prepend(hint);
  const form = h("form", {}, fieldset, footer);
  fill(element, form);

  const chosen = () => [...inputs].filter(([, input]) => input.checked).map(([id]) => id);
  let isAsking = true;
  const check = () => {
    const count = chosen().length;
    const wantsText = chosen().includes(OTHER);
    otherText.hidden = !wantsText;
    send.disabled = count < least || count > most || (wantsText && !otherText.value.trim());
    for (const input of inputs.values()) {
      input.disabled = !isAsking || (isMany && count >= most && !input.checked);
      input.parentElement.classList.toggle("chosen", input.checked);
      input.parentElement.classList.toggle("off", input.disabled);
    }
    otherText.disabled = !isAsking;
  };
  form.addEventListener("input", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const selected = chosen().filter((id) => id !== OTHER);
    const other = chosen().includes(OTHER) ? otherText.value.trim() : null;
    submit(other ? { selected, other_text: other } : { selected });
  });

  const show = (answer) => {
    for (const [id, input] of inputs) input.checked = id === OTHER ? Boolean(answer?.other_text) : (answer?.selected ?? []).includes(id);
    otherText.value = answer?.other_text ?? "";
  };
  show(own?.data);
  return {
    update(present, response, asks) {
      // What the person is just choosing stays theirs; only a settled answer is shown from outside.
      if (!asks || (!isAsking && response)) show(response?.data);
      isAsking = asks;
      hint.hidden = footer.hidden = !asks;
      write(send, t(response ? "card.resend" : "card.send"));
      check();
    },
  };
}

function hintText(least, most) {
  if (most === 1) return t("poll.one");
  if (least === most) return t("poll.exactly", { n: most });
  return least === 1 ? t("poll.upTo", { n: most }) : t("poll.between", { least, n: most });
}

/** An order of this device's own, the same after a reload. */
function shuffled(options) {
  const seed = recall("plenum.seed") ?? Math.floor(Math.random() * 2 ** 31);
  remember("plenum.seed", seed);
  const rank = ({ id }) => [...id].reduce((sum, char) => Math.imul(sum ^ char.codePointAt(0), 0x01000193), seed) >>> 0;
  return [...options].sort((a, b) => rank(a) - rank(b));
}
