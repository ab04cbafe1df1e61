/** The participant's page: code, name, room. */

import { fill, h } from "./dom.js";
import { isEmbedded, makeBar } from "./frame.js";
import { loadTexts, sentence, t } from "./i18n.js";
import { drawHall } from "./participant/hall.js";
import { openRoom } from "./participant/room.js";
import { leaveSeat, readCode, seatOf, takeSeat } from "./participant/seat.js";

await loadTexts();
let room = null;
show();
addEventListener("hashchange", show);

function show() {
  const code = readCode(decoded(location.hash.slice(1)));
  room?.close();
  room = null;
  if (!code && isEmbedded()) {
    fill(document.body, makeBar(), h("main", {}, h("p", { class: "notice", role: "alert" }, t("refused.unknown_code"))));
    return;
  }
  if (!code) {
    location.replace("/");
    return;
  }
  const seat = seatOf(code);
  if (seat) enter(code, seat);
  else fill(document.body, makeBar(), h("main", {}, makeDoor(code)));
}

/** The address comes from anybody: what is no text is no code. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function enter(code, seat) {
  room = openRoom(seat, () => {
    leaveSeat(code);
    show();
  });
}

/** A field for what a session may ask newcomers for; hidden until it does. */
function makeAsked(name, attributes) {
  const input = h("input", { id: name, ...attributes });
  return { input, element: h("div", { class: "field", hidden: true }, h("label", { htmlFor: name }, t(`join.${name}`)), input) };
}

/** What was typed into the fields that are asked for. */
function shownIn(asked) {
  const filled = Object.entries(asked).filter(([, { element, input }]) => !element.hidden && input.value.trim());
  return Object.fromEntries(filled.map(([name, { input }]) => [name, input.value.trim()]));
}

/** Shows the field that a refusal is about; what is in it was wrong. */
function askFor(asked, code) {
  const field = asked[code.replace(/^wrong_|_required$/g, "")];
  if (!field) return;
  field.element.hidden = false;
  field.input.value = "";
  field.input.focus();
}

/** The form between the code and the room. */
function makeDoor(code) {
  const name = h("input", {
    type: "text", id: "nickname", maxLength: 40, autocomplete: "nickname", placeholder: t("join.nicknameExample"), enterKeyHint: "go",
    "aria-describedby": "nickname-hint",
  });
  const button = h("button", { class: "primary large" }, t("join.anonymously"));
  const asked = {
    passcode: makeAsked("passcode", { type: "password", maxLength: 64, autocomplete: "off" }),
    second_factor: makeAsked("second_factor", { type: "text", maxLength: 8, inputMode: "numeric", autocomplete: "one-time-code" }),
  };
  const trouble = h("p", { class: "notice", role: "alert", hidden: true });
  const label = () => {
    const typed = name.value.trim();
    button.textContent = typed ? t("join.as", { name: typed }) : t("join.anonymously");
  };
  name.addEventListener("input", label);
  const form = h(
    "form",
    { class: "card stack" },
    h(
      "div",
      { class: "field" },
      h("label", { htmlFor: "nickname" }, t("join.nickname")),
      name,
      h("p", { class: "hint small soft", id: "nickname-hint" }, t("join.nicknameHint")),
    ),
    ...Object.values(asked).map(({ element }) => element),
    trouble,
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    button.textContent = t("join.joining");
    trouble.hidden = true;
    try {
      const seat = await takeSeat(code, name.value.trim(), shownIn(asked));
      if (form.isConnected) enter(code, seat); // else another code was opened meanwhile; this seat is kept for later
    } catch (problem) {
      if (problem instanceof Error) throw problem;
      trouble.textContent = problem.code === "network" ? t("join.network") : sentence(problem);
      trouble.hidden = false;
      askFor(asked, problem.code);
      button.disabled = false;
      label();
    }
  });
  return h(
    "div",
    { class: "middle" },
    drawHall(24, -1),
    h("div", { class: "stack" }, h("p", { class: "soft" }, t("join.title")), h("h1", { class: "code" }, code)),
    form,
    !isEmbedded() && h("p", { class: "small" }, h("a", { href: "/" }, t("join.otherCode"))),
  );
}
