/** The start page: a code, and a way to present. */

import { fill, h } from "./dom.js";
import { makeBar } from "./frame.js";
import { loadTexts, t } from "./i18n.js";
import { drawHall } from "./participant/hall.js";
import { readCode } from "./participant/seat.js";

await loadTexts();

const trouble = h("p", { class: "notice", role: "alert", hidden: true }, t("home.badCode"));
const input = h("input", {
  type: "text", class: "code-input", id: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: false, required: true,
  maxLength: 16, enterKeyHint: "go", autofocus: true,
});
const form = h(
  "form",
  { class: "card stack", noValidate: true },
  h("label", { htmlFor: "code" }, t("home.code")),
  input,
  trouble,
  h("button", { class: "primary large" }, t("home.go")),
);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const code = readCode(input.value);
  trouble.hidden = code !== "";
  if (code) location.href = `/join#${code}`;
  else input.focus();
});

fill(
  document.body,
  makeBar(),
  h(
    "main",
    {},
    h(
      "div",
      { class: "middle" },
      drawHall(38, 37),
      h("div", { class: "stack" }, h("h1", {}, t("home.title")), h("p", { class: "soft" }, t("home.lead"))),
      form,
      h("p", { class: "row small soft" }, h("span", {}, t("home.presentLead")), h("a", { class: "button push", href: "/present" }, t("home.present"))),
    ),
  ),
);
input.focus();
