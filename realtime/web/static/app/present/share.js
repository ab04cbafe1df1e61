/** How people get in: the code, the QR, the links, and how many are here. */

import { askText, copy } from "../dialogs.js";
import { h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";

/**
 * Where people join: the address this page came from, because it works; only where that is this machine's own, which no
 * phone can reach, the one that the server announces for itself.
 */
export function joinLink({ join_code, join_url }, origin = location.origin) {
  const own = `${origin}/join#${join_code}`;
  return isLoopback(own) && join_url ? join_url : own;
}

/** Whether a link leads nowhere but to the machine that opens it; a phone that scans it finds nothing. */
export function isLoopback(link) {
  return /^(localhost$|127\.|\[::1\]$)/.test(new URL(link).hostname);
}

export function screenLink(session) {
  return `${location.origin}/screen#session=${session.id}&ticket=${session.screen_ticket ?? session.ticket}`;
}

/** The QR of a join link as an image; the link holds no secret, so it may stand in an address. */
export function makeQr(value) {
  return h("img", { class: "qr", src: `/qr.svg?text=${encodeURIComponent(joinLink(value))}`, alt: t("share.qr"), width: 240, height: 240 });
}

/**
 * @param {{id: string, ticket: string}} session
 * @param {Object} actions
 * @param {(command: Object) => void} actions.act
 * @param {() => void} actions.people the list of who takes part is wanted
 * @param {() => void} actions.helpers the links of those who help are wanted
 * @param {Node} actions.alone the button that takes the lead
 */
export function makeShare(session, { act, people: onPeople, helpers: onHelpers, alone }) {
  const code = h("p", { class: "code" });
  const joined = h("dd", {});
  const online = h("dd", {});
  const lock = h("button", { type: "button", class: "directs" });
  const lockNote = h("p", { class: "small soft", hidden: true }, t("session.locked"));
  const qrPlace = h("div", { class: "qr-place" });
  const host = h("strong", {});
  const loopback = h("p", { class: "small warning", hidden: true }, t("share.loopback"));
  const seats = h("p", { class: "small warning", role: "status", hidden: true });
  const factor = h("button", { type: "button", class: "directs" });
  const factorNumber = h("p", { class: "factor-number", role: "status", hidden: true });
  const passcode = h("button", { type: "button", class: "directs" });
  const helpers = h("button", { type: "button", on: { click: onHelpers } }, icon("people"), t("helpers.open"));
  let link = null;
  let isLocked = false;
  let asks = {};
  factor.addEventListener("click", () => act({ type: "move_session", second_factor: !asks.second_factor }));
  passcode.addEventListener("click", async () => {
    const typed = asks.passcode_required ? "" : await askText(t("session.passcodeAsk"));
    if (typed !== null && (typed || asks.passcode_required)) act({ type: "move_session", passcode: typed });
  });
  lock.addEventListener("click", () => act({ type: "move_session", locked: !isLocked }));
  const second = `${location.origin}/present#session=${session.id}&ticket=${session.ticket}`;
  const element = h(
    "aside",
    { class: "share" },
    h(
      "section",
      { class: "card stack join-card" },
      qrPlace,
      loopback,
      seats,
      h("div", {}, h("p", { class: "small soft" }, `${t("share.join")} `, host, ` ${t("share.code")}`), code),
      h("dl", { class: "people" }, h("div", {}, joined, h("dt", {}, t("share.joined"))), h("div", {}, online, h("dt", {}, t("share.online")))),
      h("button", { type: "button", on: { click: () => copy(link) } }, icon("copy"), t("share.copyLink")),
      h("button", { type: "button", class: "plain", on: { click: onPeople } }, icon("people"), t("people.title")),
    ),
    group("share.show",
      h("a", { class: "button", href: screenLink(session), target: "_blank", rel: "noopener" }, icon("screen"), t("share.screen")),
      h("a", { class: "button", href: `/results#session=${session.id}` }, icon("chart"), t("list.results"))),
    group("share.together",
      helpers,
      h("button", { type: "button", class: "directs", on: { click: () => copy(second) }, "aria-describedby": "second-hint" }, icon("phone"), t("share.second")),
      h("p", { class: "small soft directs", id: "second-hint" }, t("share.secondHint")),
      alone),
    group("share.door", lock, lockNote, passcode, factor, factorNumber),
  );
  return {
    element,
    showNumber(shown) {
      factorNumber.hidden = !shown;
      write(factorNumber, shown ? t("screen.factor", { number: shown }) : "");
    },
    update(value, people, desk, role) {
      helpers.hidden = role !== "owner";
      if (value.join_code && joinLink(value) !== link) {
        link = joinLink(value);
        write(code, value.join_code);
        write(host, new URL(link).host);
        loopback.hidden = !isLoopback(link);
        qrPlace.replaceChildren(makeQr(value));
      }
      isLocked = value.locked;
      name(lock, isLocked ? "session.unlock" : "session.lock");
      lockNote.hidden = !isLocked;
      asks = value;
      name(passcode, value.passcode_required ? "session.passcodeOff" : "session.passcode");
      name(factor, value.second_factor ? "session.factorOff" : "session.factor");
      seats.hidden = !desk?.nearly_full;
      if (desk?.nearly_full) write(seats, t("session.seats", { n: desk.seats_left }));
      write(joined, number(people?.joined ?? 0));
      write(online, number(people?.online ?? 0));
    },
  };
}

/** What a button of the door says; made anew only on change: ten times a second it would vanish under a finger. */
function name(button, key) {
  if (button.dataset.says === key) return;
  button.dataset.says = key;
  button.replaceChildren(icon("lock"), t(key));
}

/** Buttons that belong together, under a word for what they are about. */
function group(key, ...children) {
  return h("section", { class: "stack tools" }, h("h2", {}, t(key)), ...children);
}
