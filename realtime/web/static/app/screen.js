/** The big screen: how to get in, the question in focus, and its result as soon as everybody may see it. */

import { onReturn, surroundings } from "./browser.js";
import { Connection } from "./connection.js";
import { fill, h, icon, write } from "./dom.js";
import { makeBanner, makeBar } from "./frame.js";
import { loadTexts, sentence, t } from "./i18n.js";
import { activitiesOf, isPublic, itemsOf, loadChart, questionOf } from "./parts.js";
import { drawHall, fillHall } from "./participant/hall.js";
import { drawBoard } from "./present/people.js";
import { joinLink, makeQr } from "./present/share.js";

const BOARD_MOST = 5;
await loadTexts("present", "types");
const given = new URLSearchParams(location.hash.slice(1));
const [sessionId, ticket] = ["session", "ticket"].map((name) => given.get(name) ?? sessionStorage.getItem(`plenum.screen.${name}`));
if (sessionId && ticket) {
  sessionStorage.setItem("plenum.screen.session", sessionId);
  sessionStorage.setItem("plenum.screen.ticket", ticket);
  history.replaceState(null, "", location.pathname); // a projector must not show the ticket; this tab still reloads
} else {
  location.replace("/present");
}

const connection = new Connection({ ...surroundings(), sessionId, ticket });
const title = h("span", { class: "name" });
const count = h("span", { class: "chip bare" });
const full = h("button", { type: "button", class: "icon-button push", "aria-label": t("screen.full"), title: t("screen.full"), on: { click: () => document.documentElement.requestFullscreen?.() } }, icon("screen"));
const main = h("main", {});
const hall = drawHall(0, -1);
const answered = h("p", { class: "soft" });
let shown = { key: null };
document.body.classList.add("big");
fill(document.body, makeBar(title, count, full), makeBanner(connection), main);
connection.on("state", render);
connection.on("closed", (reason) => fill(main, h("h1", {}, reason.code === "session_ended" ? t("end.sessionTitle") : sentence(reason))));
onReturn(() => connection.probe());
connection.start();

function render({ map }) {
  const session = map.get("session");
  const people = map.get("people");
  if (!session) return;
  write(title, session.title);
  document.title = `${session.title} · Plenum`;
  fill(count, icon("people"), t("room.peopleShort", { n: people?.online ?? people?.joined ?? 0 }));
  fillHall(hall, people?.online ?? 0, -1);
  if (session.state === "completed") {
    fill(main, h("h1", {}, t("end.sessionTitle")));
    return;
  }
  const activity = activitiesOf(map).find((each) => each.id === session.focus && !["draft", "cancelled"].includes(each.state));
  const view = activity && map.get(`view:${activity.id}`);
  const isShown = Boolean(view) && isPublic(activity) && (activity.state !== "published");
  const key = activity ? `${activity.id}/${activity.version}/${isShown}` : `welcome/${session.join_code}`;
  if (shown.key !== key) {
    shown = activity ? makeQuestion(activity, session, isShown) : makeWelcome(session, activitiesOf(map).length);
    shown.key = key;
    fill(main, ...shown.parts);
  }
  shown.update?.(map);
}

function makeWelcome(session, number) {
  const waiting = h("p", { class: "soft" }, t(number > 0 ? "screen.between" : "screen.wait"));
  const words = h("div", {}, h("h1", { class: "host" }, t("screen.join", { host: new URL(joinLink(session)).host })), h("p", { class: "code" }, session.join_code), hall, waiting);
  return { parts: [h("div", { class: "welcome" }, makeQr(session), words)] };
}

function makeQuestion(activity, session, isShown) {
  const place = h("div", {});
  const state = h("span", { class: `chip ${activity.state}` }, t(`state.${activity.state}`));
  const note = h("p", { class: "soft" }, t("screen.hidden"));
  const best = h("div", {});
  const board = h("section", { class: "stack", hidden: true }, h("h2", {}, t("board.title")), best);
  note.hidden = isShown;
  const options = activity.config.settings.options ?? [];
  let draw = null;
  let last = null;
  const update = (map) => {
    last = map;
    const responses = map.get(`counts:${activity.id}`)?.responses;
    answered.hidden = responses === undefined;
    write(answered, t("screen.answered", { n: responses ?? 0 }));
    const standings = map.get("leaderboard");
    board.hidden = activity.state !== "closed" || !standings?.entries?.length;
    if (!board.hidden) drawBoard(best, standings, BOARD_MOST);
    if (isShown && draw) draw(place, activity, map.get(`view:${activity.id}`), map.get(`counts:${activity.id}`), { items: itemsOf(map, activity.id) });
  };
  if (isShown) {
    loadChart(activity.type).then((module) => {
      draw = module.draw;
      update(last);
    });
  } else if (Array.isArray(options)) {
    fill(place, h("ol", { class: "options" }, ...options.map((option, i) =>
      h("li", { class: "option" }, h("span", { class: "letter", "aria-hidden": "true" }, i < 26 ? String.fromCharCode(65 + i) : String(i + 1)), h("span", {}, option.text ?? "")))));
  }
  const side = h("div", { class: "side" }, makeQr(session), h("div", {}, h("p", { class: "small soft" }, t("screen.join", { host: new URL(joinLink(session)).host })), h("p", { class: "code" }, session.join_code)), board);
  return { parts: [h("section", { class: "ask" }, h("div", { class: "row" }, state, answered), h("h1", {}, questionOf(activity)), place, note), side], update };
}
