/** The big screen: how to get in, the question in focus, and its result as soon as everybody may see it. */

import { onReturn, surroundings } from "./browser.js";
import { Connection } from "./connection.js";
import { fill, h, icon, write } from "./dom.js";
import { makeBanner, makeBar } from "./frame.js";
import { loadTexts, number, sentence, t } from "./i18n.js";
import { activitiesOf, isPublic, itemsOf, loadChart, questionOf, wish } from "./parts.js";
import { drawHall, fillHall } from "./participant/hall.js";
import { drawBoard } from "./present/people.js";
import { joinLink, makeQr } from "./present/share.js";

const BOARD_MOST = 5;
const STANDINGS_MOST = 8;
const CLOCK_MS = 250;
const SOON_SECONDS = 10;
const SEATS = 99; // a hall that was full
await loadTexts("present", "types");
const given = new URLSearchParams(location.hash.slice(1));
const [sessionId, ticket] = ["session", "ticket"].map((name) => given.get(name) ?? kept(name));
if (!sessionId || !ticket) location.replace("/present");
// A projector must not show the ticket; this tab still reloads.
if (sessionId && ticket && keep("session", sessionId) && keep("ticket", ticket)) history.replaceState(null, "", location.pathname);

const connection = new Connection({ ...surroundings(), sessionId, ticket });
const title = h("span", { class: "name" });
const count = h("span", { class: "chip bare" });
const full = h("button", { type: "button", class: "icon-button push", "aria-label": t("screen.full"), title: t("screen.full"), on: { click: () => document.documentElement.requestFullscreen?.() } }, icon("screen"));
const factor = h("span", { class: "chip factor", hidden: true });
const main = h("main", {});
const hall = drawHall(0, -1);
const rail = makeRail();
let shown = { key: null };
document.body.classList.add("big");
fill(document.body, makeBar(title, factor, count, full), makeBanner(connection, { offline: () => "banner.screenOffline" }), main);
connection.on("state", render);
connection.on("second_factor", ({ number: shownNumber }) => {
  factor.hidden = !shownNumber;
  write(factor, shownNumber ? t("screen.factor", { number: shownNumber }) : "");
});
connection.on("closed", (reason) => showEnd(reason.code === "session_ended" ? t("end.sessionTitle") : sentence(reason)));
onReturn(() => connection.probe());
connection.start();

function kept(name) {
  try {
    return sessionStorage.getItem(`plenum.screen.${name}`);
  } catch {
    return null; // storage is forbidden: the address has to say it
  }
}

/** Whether this tab can keep it. */
function keep(name, value) {
  try {
    sessionStorage.setItem(`plenum.screen.${name}`, value);
    return true;
  } catch {
    return false; // then it stays in the address, so that a reload finds the way
  }
}

function render({ map }) {
  const session = map.get("session");
  const people = map.get("people");
  if (!session) return;
  write(title, session.title);
  document.title = `${session.title} · Plenum`;
  fill(count, icon("people"), t("room.peopleShort", { n: people?.online ?? people?.joined ?? 0 }));
  fillHall(hall, people?.online ?? 0, -1);
  if (session.state === "completed") {
    showEnd(t("end.sessionTitle"));
    return;
  }
  const activity = activitiesOf(map).find((each) => each.id === session.focus && !["draft", "cancelled"].includes(each.state));
  const view = activity && map.get(`view:${activity.id}`);
  const isShown = Boolean(view) && isPublic(activity) && (activity.state !== "published");
  const hasBoard = Boolean(map.get("leaderboard")?.entries?.length);
  const key = activity ? `${activity.id}/${activity.version}/${isShown}` : `welcome/${session.join_code}/${hasBoard}`;
  if (shown.key !== key) {
    shown = activity ? makeQuestion(activity, isShown) : hasBoard ? makeStandings() : makeWelcome(session, activitiesOf(map).length);
    shown.key = key;
    fill(main, ...shown.parts, shown.isWhole ? null : rail.element);
  }
  rail.update(session, map, activity);
  shown.update?.(map);
}

function showEnd(text) {
  shown = { key: "end" };
  fill(main, h("div", { class: "farewell" }, drawHall(SEATS, -1), h("h1", {}, text)));
}

/** The way in, beside whatever is shown: code and QR never leave the screen. */
function makeRail() {
  const place = h("div", {});
  const host = h("p", { class: "small" });
  const code = h("p", { class: "code" });
  const responses = h("strong", {});
  const word = h("span", {});
  const answered = h("p", { class: "answered" }, responses, word);
  let known = null;
  return {
    element: h("aside", { class: "rail" }, place, h("div", {}, host, code), answered),
    update(session, map, activity) {
      if (known !== joinLink(session)) {
        known = joinLink(session);
        fill(place, makeQr(session));
        write(host, t("screen.join", { host: new URL(known).host }));
        write(code, session.join_code);
      }
      const n = activity && map.get(`counts:${activity.id}`)?.responses;
      answered.hidden = n === undefined || n === null;
      write(responses, number(n ?? 0));
      write(word, t("screen.answered", { n: n ?? 0 }).replace(number(n ?? 0), "").trim());
    },
  };
}

function makeWelcome(session, amount) {
  const waiting = h("p", { class: "soft" }, t(amount > 0 ? "screen.between" : "screen.wait"));
  const words = h("div", { class: "way-in" }, h("h1", { class: "host" }, t("screen.join", { host: new URL(joinLink(session)).host })), h("p", { class: "code" }, session.join_code), hall, waiting);
  return { parts: [h("div", { class: "welcome" }, makeQr(session), words)], isWhole: true };
}

/** Between two questions: who leads, and who has climbed. */
function makeStandings() {
  const best = h("div", {});
  const element = h("section", { class: "ask standings" }, h("h1", {}, t("board.title")), best);
  return { parts: [element], update: (map) => drawBoard(best, map.get("leaderboard"), STANDINGS_MOST) };
}

function makeQuestion(activity, isShown) {
  const place = h("div", { class: "picture-place" });
  const state = h("span", { class: `chip ${activity.state}` }, t(`state.${activity.state}`));
  const clock = h("span", { class: "chip bare clock", hidden: true });
  const note = h("p", { class: "soft" }, t("screen.hidden"));
  const best = h("div", {});
  const board = h("section", { class: "stack beside", hidden: true }, h("h2", {}, t("board.title")), best);
  const body = h("div", { class: "body" }, place, board);
  note.hidden = isShown;
  const options = activity.config.settings.options ?? [];
  let draw = null;
  let last = null;
  const tick = () => {
    const leftSeconds = activity.state === "active" && activity.deadline_ms ? Math.ceil((activity.deadline_ms - connection.serverNowMs()) / 1_000) : 0;
    clock.hidden = leftSeconds <= 0;
    if (leftSeconds <= 0) return;
    write(clock, `${Math.floor(leftSeconds / 60)}:${String(leftSeconds % 60).padStart(2, "0")}`);
    clock.classList.toggle("soon", leftSeconds <= SOON_SECONDS);
    setTimeout(() => clock.isConnected && tick(), CLOCK_MS);
  };
  const update = (map) => {
    last = map;
    const standings = map.get("leaderboard");
    const isScored = (activity.config.scoring?.mode ?? "none") !== "none"; // beside a word cloud it would say nothing new
    board.hidden = activity.state !== "closed" || !isScored || !standings?.entries?.length;
    body.classList.toggle("shared", !board.hidden);
    if (!board.hidden) drawBoard(best, standings, BOARD_MOST);
    if (isShown) wantChart();
    if (isShown && draw) draw(place, activity, map.get(`view:${activity.id}`), map.get(`counts:${activity.id}`), { items: itemsOf(map, activity.id) });
  };
  const wantChart = wish(() => loadChart(activity.type), (module) => {
    draw = module.draw;
    update(last);
  });
  if (!isShown && Array.isArray(options) && options.length > 0) {
    fill(place, h("ol", { class: "options" }, ...options.map((option, i) =>
      h("li", { class: "option" }, h("span", { class: "letter", "aria-hidden": "true" }, i < 26 ? String.fromCharCode(65 + i) : String(i + 1)), h("span", {}, option.text ?? "")))));
  }
  queueMicrotask(tick);
  return { parts: [h("section", { class: `ask type-${activity.type}` }, h("div", { class: "row" }, state, clock), h("h1", {}, questionOf(activity)), body, note)], update };
}
