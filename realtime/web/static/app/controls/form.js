/** What all controls with one answer per person share: the button, the draft, and whose answer is shown when. */

import { fill, h, write } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @param {HTMLElement} element
 * @param {{activity: Object, own: Object|null, submit: Function, onChange?: Function|null}} given what `mount` got;
 *   `submit.draft`, where there is one, keeps what is not sent yet (`participant/draft.js`)
 * @param {Object} fields
 * @param {Node[]} fields.parts
 * @param {() => Object} fields.peek the answer as far as it goes
 * @param {(answer: Object|undefined) => void} fields.show puts an answer into the fields, or empties them
 * @param {(isAsking: boolean) => void} fields.lock
 * @param {(answer: Object) => string|null} fields.fault why it cannot be sent yet, perhaps without a word; null: it can
 */
export function mountForm(element, { own, submit, onChange = null }, { parts, peek, show, lock, fault }) {
  const hint = h("p", { class: "small soft", role: "status" });
  const send = h("button", { class: "primary large" });
  const footer = h("div", { class: "send stack-s" }, hint, send);
  const form = onChange ? h("div", { class: "answer" }, ...parts) : h("form", { class: "answer", noValidate: true }, ...parts, footer);
  const draft = (!onChange && submit.draft) || { keep() {}, read() {} };
  let isAsking = true;
  fill(element, form);

  const check = () => {
    const answer = peek();
    const reason = fault(answer);
    send.disabled = reason !== null;
    hint.hidden = !reason;
    write(hint, reason ?? "");
    onChange?.(reason === null ? answer : null);
    return reason === null ? answer : null;
  };
  form.addEventListener("input", () => {
    check();
    draft.keep(peek());
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answer = check();
    if (!answer) return;
    draft.keep(null);
    submit(answer);
  });
  show(own?.data ?? draft.read());
  check();
  return {
    /** To be called after a change that is no input event. */
    changed() {
      check();
      draft.keep(peek());
    },
    update(present, response, asks) {
      // What the person is just choosing stays theirs; only a settled answer is shown from outside.
      if (!asks || (!isAsking && response)) show(response?.data);
      isAsking = asks;
      lock(!asks);
      footer.hidden = !asks;
      write(send, t(response ? "card.resend" : "card.send"));
      if (asks) check();
    },
  };
}

/** A field with its label. */
export function field(label, input, hint = null) {
  return h("div", { class: "field" }, h("label", { htmlFor: input.id }, label), input, hint);
}
