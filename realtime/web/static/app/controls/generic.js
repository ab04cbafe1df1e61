/** For types without a control of their own: plain text, or JSON where the text is an object. */

import { fill, h, write } from "../dom.js";
import { t } from "../i18n.js";

export function mount(element, activity, own, submit) {
  const text = h("textarea", { id: `answer-${activity.id}`, maxLength: 10_000, rows: 4 });
  const hint = h("p", { class: "small soft", role: "status" });
  const send = h("button", { class: "primary large" });
  const footer = h("div", { class: "send" }, send);
  const form = h("form", { class: "stack" }, h("div", { class: "field" }, h("label", { htmlFor: text.id }, t("generic.answer")), text, hint), footer);
  fill(element, form);
  const check = () => {
    send.disabled = text.value.trim() === "";
    write(hint, readData(text.value).isJson ? t("generic.json") : "");
  };
  form.addEventListener("input", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(readData(text.value).data);
  });
  text.value = written(own?.data);
  let isAsking = true;
  return {
    update(present, response, asks) {
      if (!asks || (!isAsking && response)) text.value = written(response?.data);
      isAsking = asks;
      text.disabled = !asks;
      footer.hidden = !asks;
      write(send, t(response ? "card.resend" : "card.send"));
      check();
    },
  };
}

function readData(typed) {
  const text = typed.trim();
  try {
    const data = JSON.parse(text);
    if (typeof data === "object" && data !== null && !Array.isArray(data)) return { data, isJson: true };
  } catch {
    // not JSON, so it is text
  }
  return { data: { text }, isJson: false };
}

function written(data) {
  if (!data) return "";
  const isText = typeof data.text === "string" && Object.keys(data).length === 1;
  return isText ? data.text : JSON.stringify(data, null, 2);
}
